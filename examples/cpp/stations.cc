/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stations - a program of flows in C++20: the same structs, filled in by designated initialisers.
 *
 *	build/examples/stations
 *	build/examples/stations run warmest-station --param stations='{"Harbour": "12.5 13.5", "Hill": "9 warm"}'
 *
 * Members stand in the order of their declaration, as C++ wants it; compile with -Wno-missing-field-initializers, since
 * leaving members out is the point. Exceptions must not cross Weir's frames: each function catches its own.
 */
#include <weir.h>

#include <exception>
#include <memory>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

struct json_release {
	void operator()(json_t *value) const
	{
		json_decref(value);
	}
};

using json_ptr = std::unique_ptr<json_t, json_release>;

/* Numbers between blanks. Throws std::invalid_argument at what is none, and when there is nothing. */
std::vector<double> read_numbers(const std::string &text)
{
	std::istringstream words(text);
	std::vector<double> numbers;

	for (std::string word; words >> word;) {
		size_t used = 0;

		numbers.push_back(std::stod(word, &used));
		if (used != word.size())
			throw std::invalid_argument(word);
	}
	if (numbers.empty())
		throw std::invalid_argument("no readings");
	return numbers;
}

double mean(const std::vector<double> &numbers)
{
	return std::accumulate(numbers.begin(), numbers.end(), 0.0) / static_cast<double>(numbers.size());
}

json_t *summarize(weir_run *run)
{
	const char *station = weir_string(run, "station");

	try {
		return json_pack("{s:s,s:f}", "station", station, "mean",
		                 mean(read_numbers(weir_string(run, "readings"))));
	} catch (const std::exception &error) {
		/* The same text will not become a number at the next attempt. */
		return weir_fail_final(run, "%s: a reading is no number: %s", station, error.what());
	}
}

const weir_task summarize_task = {
	.name = "summarize",
	.description = "the mean of one station's readings",
	.run_name = "summarize {station}",
	.tags = { "weather" },
	.parameters = { { .name = "station", .type = WEIR_STRING, .required = true },
	                { .name = "readings", .type = WEIR_STRING, .required = true } },
	.run = summarize,
	.retries = 2,
	.retry_delay_seconds = WEIR_EXPONENTIAL_BACKOFF(1),
};

/* One set of arguments for each station. */
json_t *arguments_of(json_t *stations)
{
	json_t *elements = json_array();
	const char *name;
	json_t *readings;

	json_object_foreach (stations, name, readings)
		json_array_append_new(elements, json_pack("{s:s,s:O}", "station", name, "readings", readings));
	return elements;
}

json_t *find_warmest(weir_run *run)
{
	weir_futures *all = weir_map_json(run, &summarize_task, nullptr, arguments_of(weir_value(run, "stations")));
	const json_ptr summaries(weir_results(all));
	json_t *warmest = nullptr;
	json_t *summary;
	size_t i;

	/* Null: a station's task has failed, and that is this flow's outcome too. */
	if (!summaries)
		return nullptr;
	json_array_foreach (summaries.get(), i, summary) {
		if (!warmest || json_number_value(json_object_get(summary, "mean")) >
		                        json_number_value(json_object_get(warmest, "mean")))
			warmest = summary;
	}
	return warmest ? json_incref(warmest) : json_null();
}

const weir_flow warmest_flow = {
	.name = "warmest-station",
	.description = "the station with the highest mean",
	.parameters = { { .name = "stations",
	                  .type = WEIR_OBJECT,
	                  .fallback = R"({"Harbour": "12.5 13.5", "Hill": "9 10.5 9", "Valley": "14 16"})",
	                  .description = "readings by name" } },
	.run = find_warmest,
};

} /* namespace */

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &warmest_flow, nullptr };

	return weir_main(argc, argv, flows);
}
