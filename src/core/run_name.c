/* SPDX-License-Identifier: Apache-2.0 */
#include "core/run_name.h"

#include <stdio.h>

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

void run_name_make(char out[RUN_NAME_SIZE], struct uuid id)
{
	const uint8_t *random = id.bytes + sizeof id.bytes - 4;
	size_t adjective = (random[0] << 8 | random[1]) * ARRAY_LENGTH(adjectives) >> 16;
	size_t animal = (random[2] << 8 | random[3]) * ARRAY_LENGTH(animals) >> 16;

	snprintf(out, RUN_NAME_SIZE, "%s-%s", adjectives[adjective], animals[animal]);
}
