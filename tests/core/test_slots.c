/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of limits on a real database: who gets them, in which order, and who is told. Each test is a trace of text. */
#include "world.h"

#include "core/limit.h"

#include <math.h>

/* --- A world with limits --- */

/* One step: a job and what it gave. */
struct step {
	struct world *world;
	/* in */
	const char *name, *other_name;
	struct concurrency_limit limit;
	struct limit_change change;
	struct slot_request request;
	struct slot_query whose;
	struct uuid id;
	int64_t slots, now_us;
	/* out */
	struct slot_answer answer;
	struct str full;
	bool granted;
	int64_t count;
};

static int create(struct tx *tx, void *data)
{
	struct step *step = data;

	if (step->now_us)
		tx->now_us = step->now_us;
	return limit_create(tx, &step->limit);
}

static struct uuid make_limit(struct world *world, const char *name, int64_t limit, double decay)
{
	struct step step = {
		.limit = { .name = str_of(name), .limit = limit, .active = true, .slot_decay_per_second = decay },
		.now_us = NOW_US,
	};

	world_run(world, create, &step);
	return step.limit.id;
}

static int acquire(struct tx *tx, void *data)
{
	struct step *step = data;
	struct str names[] = { str_of(step->name), str_of(step->other_name) };
	int result;

	tx->now_us = step->now_us;
	step->request.names = names;
	step->request.count = step->other_name ? 2 : 1;
	result = slots_acquire(tx, &step->request, &step->answer);
	if (result == 0 && step->answer.full_count)
		step->full = arena_str(&step->world->arena, step->answer.full[0].name);
	return result;
}

/* Somebody asks, at NOW_US + at_us; program 9, run and waiter of the same number. "taken", "waits: full", or the error. */
static const char *ask_at(struct world *world, int64_t at_us, uint8_t who, int64_t slots, enum slot_mode mode,
                          const char *name, const char *other)
{
	struct step step = {
		.world = world,
		.name = name,
		.other_name = other,
		.request = { .slots = slots,
		             .mode = mode,
		             .holder = { HOLDER_TASK_RUN, id(who), id(100), id(9) },
		             .waiter_id = id(who) },
		.now_us = NOW_US + at_us,
	};
	int result = store_run(world->store, acquire, &step, &world->problem);

	if (result < 0)
		return error_name(result);
	if (step.answer.acquired)
		return uuid_is_nil(step.answer.lease_id) ? "free" : "taken";
	assert_true(step.answer.retry_after_seconds > 0);
	return arena_printf(&world->arena, "waits: %.*s", STR_ARG(step.full)).data;
}

static const char *ask(struct world *world, uint8_t who, int64_t slots, const char *name)
{
	return ask_at(world, 0, who, slots, SLOTS_CONCURRENCY, name, NULL);
}

static const char *ask_both(struct world *world, uint8_t who, const char *name, const char *other)
{
	return ask_at(world, 0, who, 1, SLOTS_CONCURRENCY, name, other);
}

static int release(struct tx *tx, void *data)
{
	struct step *step = data;

	tx->now_us = step->now_us;
	return slots_release(tx, step->id, str_of(step->name), step->slots, &step->count);
}

static int64_t give_back(struct world *world, uint8_t who, int64_t slots, const char *name)
{
	struct step step = { .id = id(who), .slots = slots, .name = name, .now_us = NOW_US + SECOND_US };

	world_run(world, release, &step);
	return step.count;
}

static int look(struct tx *tx, void *data)
{
	struct step *step = data;

	tx->now_us = step->now_us;
	return slots_look(tx, step->id, &step->answer);
}

static const char *look_at(struct world *world, int64_t at_us, uint8_t who)
{
	struct step step = { .id = id(who), .now_us = NOW_US + at_us };
	int result = store_run(world->store, look, &step, &world->problem);

	return result < 0 ? error_name(result) : step.answer.acquired ? "taken" : "waits";
}

static int withdraw(struct tx *tx, void *data)
{
	struct step *step = data;

	return slots_withdraw(tx, step->id, &step->granted);
}

/* Had it been given the slots already? */
static bool give_up(struct world *world, uint8_t who)
{
	struct step step = { .id = id(who) };

	world_run(world, withdraw, &step);
	return step.granted;
}

static int update(struct tx *tx, void *data)
{
	struct step *step = data;

	return limit_update(tx, step->id, &step->change, &step->limit);
}

#define AS_IT_IS                                                                                                       \
	(struct limit_change)                                                                                          \
	{                                                                                                              \
		.limit = INTEGER_NONE, .decay = (double)NAN, .active_slots = INTEGER_NONE                              \
	}

static const char *change(struct world *world, struct uuid limit, struct limit_change what)
{
	struct step step = { .id = limit, .change = what };
	int result = store_run(world->store, update, &step, &world->problem);

	return result < 0 ? error_name(result) : "ok";
}

static int delete (struct tx *tx, void *data)
{
	return limit_delete(tx, ((struct step *)data)->id);
}

/* Who holds how many, and who waits: "1 2 | 3 4" */
static const char *holders(struct world *world)
{
	return world_rows(
	        world, "SELECT held || ' | ' || waiting FROM"
	               " (SELECT coalesce(group_concat(hex(substr(holder_id, 1, 1)) || '*' || slots, ' '), '') AS held"
	               " FROM (SELECT * FROM slot ORDER BY holder_id, id)),"
	               " (SELECT coalesce(group_concat(hex(substr(id, 1, 1)), ' '), '') AS waiting"
	               " FROM (SELECT id, min(sequence) AS s FROM slot_waiter GROUP BY id ORDER BY s))");
}

/* --- Taking and giving back --- */

static void slots_are_rows_of_their_holders(void **state)
{
	struct world *world = *state;

	make_limit(world, "db", 3, 0);
	assert_string_equal(ask(world, 1, 1, "db"), "taken");
	assert_string_equal(ask(world, 2, 2, "db"), "taken");
	assert_string_equal(ask(world, 3, 1, "db"), "waits: db");
	assert_string_equal(holders(world), "01*1 02*2 | 03\n");
	assert_int_equal(give_back(world, 2, 1, "db"), 1);
	assert_string_equal(holders(world), "01*1 02*1 03*1 | \n");
	/* More than it holds, of what it does not hold, of what there is not. */
	assert_int_equal(give_back(world, 2, 5, "db"), 1);
	assert_int_equal(give_back(world, 2, 5, "db"), 0);
	assert_int_equal(give_back(world, 2, 5, "nothing"), 0);
	assert_string_equal(holders(world), "01*1 03*1 | \n");
}

static void the_average_learns_how_long_slots_are_held(void **state)
{
	struct world *world = *state;

	make_limit(world, "db", 1, 0);
	ask_at(world, -2 * SECOND_US, 1, 1, SLOTS_CONCURRENCY, "db", NULL);
	give_back(world, 1, 1, "db"); /* after three seconds */
	assert_string_equal(world_rows(world, "SELECT avg_slot_occupancy_seconds FROM concurrency_limit"), "2.5\n");
}

static void what_is_not_limited_is_free(void **state)
{
	struct world *world = *state;
	struct uuid limit = make_limit(world, "off", 1, 0);
	struct limit_change off = AS_IT_IS;

	off.active = LIMIT_INACTIVE;
	assert_string_equal(change(world, limit, off), "ok");
	assert_string_equal(ask(world, 1, 1, "nobody-made-this"), "free");
	assert_string_equal(ask(world, 1, 99, "off"), "free");
	assert_string_equal(holders(world), " | \n");
}

static void requests_that_make_no_sense_are_refused(void **state)
{
	struct world *world = *state;

	make_limit(world, "db", 2, 0);
	make_limit(world, "tag:none", 0, 0);
	assert_string_equal(ask(world, 1, 3, "db"), "WEIR_ELIMIT");
	assert_string_equal(world->problem.message,
	                    "Slots requested is greater than the limit: 3 of 'db', which has 2");
	assert_string_equal(ask(world, 1, 1, "tag:none"), "WEIR_ELIMIT");
	assert_string_equal(world->problem.message, "The concurrency limit on tag \"none\" is 0 and will deadlock if "
	                                            "the task tries to run again.");
	assert_string_equal(ask(world, 1, 0, "db"), "WEIR_EINVAL");
	assert_string_equal(ask(world, 1, -1, "db"), "WEIR_EINVAL");
	assert_string_equal(ask_at(world, 0, 1, 1, SLOTS_RATE_LIMIT, "db", NULL), "WEIR_EINVAL");
	assert_non_null(strstr(world->problem.message, "do not have a decay configured: 'db'"));
}

/* --- The queue --- */

static void who_came_first_comes_first(void **state)
{
	struct world *world = *state;

	make_limit(world, "db", 3, 0);
	ask(world, 1, 3, "db");
	assert_string_equal(ask(world, 2, 2, "db"), "waits: db");
	assert_string_equal(ask(world, 3, 1, "db"), "waits: db");
	give_back(world, 1, 1, "db");
	/* One is free, which the second in line could have: but not before the first. */
	assert_string_equal(holders(world), "01*2 | 02 03\n");
	assert_string_equal(ask(world, 4, 1, "db"), "waits: db");
	give_back(world, 1, 1, "db");
	assert_string_equal(holders(world), "01*1 02*2 | 03 04\n");
	give_back(world, 1, 1, "db");
	assert_string_equal(holders(world), "02*2 03*1 | 04\n");
	assert_string_equal(look_at(world, 0, 2), "taken");
	assert_string_equal(look_at(world, 0, 4), "waits");
}

static void all_or_nothing_of_several(void **state)
{
	struct world *world = *state;

	make_limit(world, "a", 1, 0);
	make_limit(world, "b", 1, 0);
	ask(world, 1, 1, "b");
	assert_string_equal(ask_both(world, 2, "a", "b"), "waits: b");
	assert_string_equal(holders(world), "01*1 | 02\n");
	/* It does not stand in the way at a limit that has room: what waits for another must not keep it idle. */
	assert_string_equal(ask(world, 3, 1, "a"), "taken");
	give_back(world, 1, 1, "b");
	assert_string_equal(holders(world), "03*1 | 02\n");
	give_back(world, 3, 1, "a");
	assert_string_equal(holders(world), "02*1 02*1 | \n");
	/* The same name twice is one. */
	give_back(world, 2, 1, "a");
	assert_string_equal(ask_both(world, 4, "a", "a"), "taken");
	assert_string_equal(holders(world), "02*1 04*1 | \n");
}

static void who_gives_up_leaves_the_queue(void **state)
{
	struct world *world = *state;

	make_limit(world, "db", 2, 0);
	ask(world, 1, 1, "db");
	ask(world, 2, 2, "db");
	ask(world, 3, 1, "db");
	assert_string_equal(holders(world), "01*1 | 02 03\n");
	assert_false(give_up(world, 2));
	assert_string_equal(holders(world), "01*1 03*1 | \n"); /* it was only in the way */
	assert_true(give_up(world, 3));
}

static void changed_limits_let_waiters_go(void **state)
{
	struct world *world = *state;
	struct uuid limit = make_limit(world, "db", 1, 0);
	struct limit_change more = AS_IT_IS, off = AS_IT_IS, less = AS_IT_IS;

	more.limit = 3;
	off.active = LIMIT_INACTIVE;
	less.limit = 1;
	for (uint8_t who = 1; who <= 5; who++)
		ask(world, who, 1, "db");
	assert_string_equal(holders(world), "01*1 | 02 03 04 05\n");
	assert_string_equal(change(world, limit, more), "ok");
	assert_string_equal(holders(world), "01*1 02*1 03*1 | 04 05\n");
	assert_string_equal(change(world, limit, less), "ok");
	give_back(world, 1, 1, "db");
	assert_string_equal(holders(world), "02*1 03*1 | 04 05\n"); /* still more are held than there are */
	assert_string_equal(change(world, limit, off), "ok");
	assert_string_equal(holders(world), "02*1 03*1 | \n"); /* nobody has to wait for a limit that limits nothing */
	assert_string_equal(look_at(world, 0, 5), "taken");
}

static void a_deleted_limit_lets_waiters_go(void **state)
{
	struct world *world = *state;
	struct step step = { .id = make_limit(world, "a", 1, 0) };

	make_limit(world, "b", 1, 0);
	ask(world, 1, 1, "a");
	ask(world, 2, 1, "b");
	ask(world, 3, 1, "a");
	ask_both(world, 4, "a", "b");
	world_run(world, delete, &step);
	assert_string_equal(holders(world), "02*1 | 04\n"); /* the last one waits for the other limit */
	assert_string_equal(look_at(world, 0, 3), "taken");
	give_back(world, 2, 1, "b");
	assert_string_equal(holders(world), "04*1 | \n");
}

static void a_lowered_limit_refuses_who_can_never_have_it(void **state)
{
	struct world *world = *state;
	struct uuid limit = make_limit(world, "db", 3, 0);
	struct limit_change less = AS_IT_IS;

	less.limit = 1;
	ask(world, 1, 1, "db");
	ask(world, 2, 3, "db");
	ask(world, 3, 1, "db");
	assert_string_equal(change(world, limit, less), "ok");
	assert_string_equal(look_at(world, 0, 2), "WEIR_ELIMIT");
	assert_false(give_up(world, 2));
	give_back(world, 1, 1, "db");
	assert_string_equal(holders(world), "03*1 | \n"); /* who was refused is in nobody's way */
}

/* --- Rates --- */

static void rates_decay(void **state)
{
	struct world *world = *state;

	make_limit(world, "api", 2, 1);
	assert_string_equal(ask_at(world, 0, 1, 1, SLOTS_RATE_LIMIT, "api", NULL), "taken");
	assert_string_equal(ask_at(world, 0, 2, 1, SLOTS_RATE_LIMIT, "api", NULL), "taken");
	assert_string_equal(ask_at(world, SECOND_US / 2, 3, 1, SLOTS_RATE_LIMIT, "api", NULL), "waits: api");
	assert_string_equal(ask_at(world, SECOND_US / 2, 4, 1, SLOTS_RATE_LIMIT, "api", NULL), "waits: api");
	assert_string_equal(holders(world), " | 03 04\n"); /* nobody holds them */
	assert_string_equal(look_at(world, SECOND_US - 1, 3), "waits");
	assert_string_equal(look_at(world, SECOND_US, 4), "waits"); /* the look gave it to the first */
	assert_string_equal(look_at(world, SECOND_US, 3), "taken");
	assert_string_equal(look_at(world, 2 * SECOND_US, 4), "taken");
}

/* Each waiter is told its own time, so that not all look at once. */
static void the_time_to_look_is_that_of_ones_turn(void **state)
{
	struct world *world = *state;

	make_limit(world, "api", 1, 1);
	for (uint8_t who = 1; who <= 4; who++) {
		struct step step = {
			.world = world,
			.name = "api",
			.request = { .slots = 1,
			             .mode = SLOTS_RATE_LIMIT,
			             .holder = { HOLDER_TASK_RUN, id(who), id(100), id(9) },
			             .waiter_id = id(who) },
			.now_us = NOW_US,
		};

		world_run(world, acquire, &step);
		assert_int_equal(step.answer.acquired, who == 1);
		if (who > 1)
			assert_int_equal(step.answer.look_at, NOW_US + (who - 1) * SECOND_US);
	}
}

static void slots_of_a_rate_can_be_held_too(void **state)
{
	struct world *world = *state;

	make_limit(world, "api", 1, 0.001);
	assert_string_equal(ask(world, 1, 1, "api"), "taken");
	assert_string_equal(ask(world, 2, 1, "api"), "waits: api");
	give_back(world, 1, 1, "api");
	assert_string_equal(holders(world), "02*1 | \n");
}

/* --- Ends --- */

static void lease(struct world *world, int64_t lease_us, const char *expected)
{
	struct str name = STR("db");
	struct step step = {
		.request = { .names = &name,
		             .count = 1,
		             .slots = 1,
		             .mode = SLOTS_CONCURRENCY,
		             .lease_us = lease_us,
		             .holder = { HOLDER_FLOW_RUN, id(50), id(50), { { 0 } } } },
		.name = "db",
		.world = world,
		.now_us = NOW_US,
	};

	world_run(world, acquire, &step);
	assert_string_equal(step.answer.acquired ? "taken" : "full", expected);
}

static void leases_end(void **state)
{
	struct world *world = *state;

	make_limit(world, "db", 1, 0);
	lease(world, SECOND_US, "taken");
	lease(world, SECOND_US, "full"); /* and nobody waits: it has no id */
	assert_string_equal(ask_at(world, SECOND_US - 1, 1, 1, SLOTS_CONCURRENCY, "db", NULL), "waits: db");
	assert_string_equal(look_at(world, SECOND_US, 1), "taken");
}

static void runs_that_end_hold_nothing(void **state)
{
	struct world *world = *state;
	struct flow flow = world_flow(world, "f");
	struct flow_run run = world_flow_run(world, &(struct flow_run){ .id = id(100), .flow_id = flow.id }, NULL);
	struct task_run task = { 0 };
	struct state running = { .id = id(31), .type = STATE_RUNNING, .name = STR("Running"), .timestamp = NOW_US };
	struct state completed = {
		.id = id(32), .type = STATE_COMPLETED, .name = STR("Completed"), .timestamp = NOW_US + 1
	};
	struct set_state end = { .run_id = run.id, .proposed = { .type = STATE_FAILED }, .force = true };

	make_limit(world, "db", 2, 0);
	fields_init(&task_run_fields, &task);
	task.id = id(1);
	task.flow_run_id = run.id;
	task.task_key = task.dynamic_key = STR("t");
	ask(world, 1, 1, "db");
	ask(world, 100, 1, "db");
	ask(world, 3, 1, "db");
	world_record(world, &task, &running);
	assert_string_equal(holders(world), "01*1 64*1 | 03\n");
	world_record(world, &task, &completed);
	assert_string_equal(holders(world), "03*1 64*1 | \n");
	world_set_flow_state(world, &end);
	assert_string_equal(holders(world), "03*1 | \n");
}

static int crash(struct tx *tx, void *data)
{
	struct step *step = data;

	return program_runs_crash(tx, step->id, STR("gone"), &step->count);
}

static void dead_programs_hold_nothing_and_wait_for_nothing(void **state)
{
	struct world *world = *state;
	struct step step = { .id = id(9) };

	make_limit(world, "db", 1, 0);
	ask(world, 1, 1, "db");
	ask(world, 2, 1, "db"); /* of the same program */
	for (uint8_t who = 3; who <= 4; who++) {
		struct step other = {
			.world = world,
			.name = "db",
			.now_us = NOW_US,
			.request = { .slots = 1,
			             .mode = SLOTS_CONCURRENCY,
			             .holder = { HOLDER_TASK_RUN, id(who), id(100), id(8) },
			             .waiter_id = id(who) },
		};

		world_run(world, acquire, &other);
	}
	world_run(world, crash, &step);
	assert_string_equal(holders(world), "03*1 | 04\n");
}

/* --- What others hear of it --- */

static void events_tell_of_limits(void **state)
{
	struct world *world = *state;
	struct uuid limit = make_limit(world, "db", 1, 0);
	struct limit_change more = AS_IT_IS;
	struct step step = { .id = limit };

	more.limit = 3;
	change(world, limit, more);
	world_run(world, delete, &step);
	assert_string_equal(world_rows(world, "SELECT event FROM event ORDER BY sequence"),
	                    "prefect.concurrency-limit.created\nprefect.concurrency-limit.updated\n"
	                    "prefect.concurrency-limit.deleted\n");
	assert_string_equal(world_rows(world, "SELECT resource FROM event LIMIT 1"),
	                    arena_printf(&world->arena,
	                                 "{\"prefect.resource.id\":\"prefect.concurrency-limit.%s\","
	                                 "\"prefect.resource.name\":\"db\"}\n",
	                                 uuid_text(limit).text)
	                            .data);
}

static void wrong_limits_are_refused(void **state)
{
	struct world *world = *state;
	static const struct {
		struct concurrency_limit limit;
		const char *message;
	} rows[] = {
		{ { .name = STR(""), .limit = 1 }, "the name of a limit must not be empty" },
		{ { .name = STR("a/b"), .limit = 1 }, "the limit's name 'a/b' must not contain '/'" },
		{ { .name = STR("a"), .limit = -1 }, "a limit is from 0 to 2147483647, not -1" },
		{ { .name = STR("a"), .limit = 1, .slot_decay_per_second = -1 },
		  "the slot decay is a number from 0 on" },
		{ { .name = STR("a"), .limit = 1, .slot_decay_per_second = (double)INFINITY },
		  "the slot decay is a number from 0 on" },
	};
	struct uuid limit;
	struct limit_change rename = AS_IT_IS;
	struct step missing = { .id = id(77) };

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct step step = { .limit = rows[i].limit };

		assert_int_equal(store_run(world->store, create, &step, &world->problem), WEIR_EINVAL);
		assert_string_equal(world->problem.message, rows[i].message);
	}
	make_limit(world, "a", 1, 0);
	limit = make_limit(world, "b", 1, 0);
	missing.limit = (struct concurrency_limit){ .name = STR("a"), .limit = 1 };
	assert_int_equal(store_run(world->store, create, &missing, &world->problem), WEIR_EEXISTS);
	rename.name = STR("a");
	assert_string_equal(change(world, limit, rename), "WEIR_EEXISTS");
	rename.name = STR("b");
	assert_string_equal(change(world, limit, rename), "ok");
	assert_string_equal(change(world, id(77), rename), "WEIR_ENOTFOUND");
	assert_int_equal(store_run(world->store, delete, &missing, &world->problem), WEIR_ENOTFOUND);
}

static int reset(struct tx *tx, void *data)
{
	struct step *step = data;

	return limit_reset(tx, step->id, &step->count);
}

static void reset_takes_all_back(void **state)
{
	struct world *world = *state;
	struct step step = { .id = make_limit(world, "db", 2, 0) };

	ask(world, 1, 1, "db");
	ask(world, 2, 1, "db");
	ask(world, 3, 1, "db");
	world_run(world, reset, &step);
	assert_int_equal(step.count, 2);
	assert_string_equal(holders(world), "03*1 | \n");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slots_are_rows_of_their_holders),
		TEST(the_average_learns_how_long_slots_are_held),
		TEST(what_is_not_limited_is_free),
		TEST(requests_that_make_no_sense_are_refused),
		TEST(who_came_first_comes_first),
		TEST(all_or_nothing_of_several),
		TEST(who_gives_up_leaves_the_queue),
		TEST(changed_limits_let_waiters_go),
		TEST(a_deleted_limit_lets_waiters_go),
		TEST(a_lowered_limit_refuses_who_can_never_have_it),
		TEST(rates_decay),
		TEST(the_time_to_look_is_that_of_ones_turn),
		TEST(slots_of_a_rate_can_be_held_too),
		TEST(leases_end),
		TEST(runs_that_end_hold_nothing),
		TEST(dead_programs_hold_nothing_and_wait_for_nothing),
		TEST(events_tell_of_limits),
		TEST(wrong_limits_are_refused),
		TEST(reset_takes_all_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
