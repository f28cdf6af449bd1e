/* SPDX-License-Identifier: Apache-2.0 */
/* Names for runs that were given none: easy to say, hard to confuse, kind. */
#include "core/internal.h"

static const char *const adjectives[] = {
	"able",    "amber",   "ample",   "ancient", "apt",     "azure",  "balmy",   "bold",   "brave",  "breezy",
	"bright",  "brisk",   "bronze",  "busy",    "calm",    "candid", "careful", "cheery", "chilly", "clever",
	"coastal", "cosy",    "crimson", "crisp",   "curious", "daring", "dapper",  "deft",   "dewy",   "eager",
	"early",   "earnest", "easy",    "elder",   "fair",    "fleet",  "fluffy",  "fond",   "frank",  "free",
	"fresh",   "frosty",  "gentle",  "giant",   "glad",    "golden", "grand",   "green",  "happy",  "hardy",
	"hazel",   "hearty",  "hidden",  "honest",  "humble",  "icy",    "jolly",   "keen",   "kind",   "lanky",
	"lively",  "lofty",   "loyal",   "lucky",   "lunar",   "mellow", "merry",   "mighty", "mild",   "misty",
	"modest",  "neat",    "nimble",  "noble",   "olive",   "opal",   "patient", "placid", "plucky", "polite",
	"proud",   "quick",   "quiet",   "rapid",   "rosy",    "rustic", "sandy",   "serene", "silent", "silver",
	"sleek",   "snug",    "spry",    "steady",  "stellar", "sunny",  "swift",   "tidy",   "vivid",  "witty",
};

static const char *const animals[] = {
	"alpaca",    "antelope",  "badger",   "beaver",  "bison",    "bittern",    "bobcat",      "buffalo",
	"bumblebee", "buzzard",   "camel",    "caribou", "cheetah",  "chinchilla", "cormorant",   "coyote",
	"crane",     "cricket",   "curlew",   "deer",    "dingo",    "dolphin",    "donkey",      "dormouse",
	"dove",      "dragonfly", "eagle",    "eel",     "egret",    "elk",        "falcon",      "ferret",
	"finch",     "firefly",   "flamingo", "fox",     "gannet",   "gazelle",    "gecko",       "gibbon",
	"giraffe",   "goose",     "grouse",   "gull",    "hamster",  "hare",       "hedgehog",    "heron",
	"hoopoe",    "ibex",      "iguana",   "jackdaw", "jaguar",   "kestrel",    "kingfisher",  "koala",
	"lark",      "lemur",     "leopard",  "linnet",  "llama",    "lobster",    "lynx",        "magpie",
	"manatee",   "marmot",    "marten",   "mole",    "moose",    "newt",       "nightingale", "ocelot",
	"okapi",     "orca",      "oriole",   "osprey",  "otter",    "owl",        "panda",       "pelican",
	"penguin",   "pheasant",  "plover",   "puffin",  "quail",    "rabbit",     "raccoon",     "raven",
	"robin",     "salmon",    "seal",     "sparrow", "squirrel", "starling",   "stork",       "swallow",
	"tapir",     "toucan",    "walrus",   "wren",
};

uint32_t random_bits(void)
{
	struct uuid id = uuid_new();
	uint32_t bits;

	memcpy(&bits, id.bytes + sizeof id.bytes - sizeof bits, sizeof bits);
	return bits;
}

struct str run_name_new(struct arena *arena)
{
	uint32_t bits = random_bits();
	const char *adjective = adjectives[(bits & 0xFFFF) * ARRAY_LENGTH(adjectives) >> 16];
	const char *animal = animals[(bits >> 16) * ARRAY_LENGTH(animals) >> 16];

	return arena_printf(arena, "%s-%s", adjective, animal);
}
