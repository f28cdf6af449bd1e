/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/schema.h"

#include "base/utf8.h"

static const char *const type_words[] = {
	[WEIR_ANY_VALUE] = NULL,    [WEIR_STRING] = "string", [WEIR_INTEGER] = "integer", [WEIR_NUMBER] = "number",
	[WEIR_BOOLEAN] = "boolean", [WEIR_ARRAY] = "array",   [WEIR_OBJECT] = "object",
};

json_t *json_of_text(const char *text)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str mended = utf8_mend(&scratch, str_of(text));

	return text ? json_stringn(mended.data, mended.length) : json_null();
}

/* What a parameter is when nobody gives it: null for one that has no fallback, or none that is JSON. */
static json_t *default_value(const weir_parameter *parameter)
{
	json_t *value = NULL;

	if (parameter->fallback)
		value = json_loads(parameter->fallback, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	return value ? value : json_null();
}

static json_t *property_of(const weir_parameter *parameter, size_t position)
{
	json_t *property = json_object();

	json_object_set_new(property, "title", json_string(parameter->name));
	if (type_words[parameter->type])
		json_object_set_new(property, "type", json_string(type_words[parameter->type]));
	if (!parameter->required)
		json_object_set_new(property, "default", default_value(parameter));
	if (parameter->description)
		json_object_set_new(property, "description", json_of_text(parameter->description));
	json_object_set_new(property, "position", json_integer((json_int_t)position));
	return property;
}

json_t *parameters_schema(const char *title, const weir_parameter *parameters, size_t count)
{
	json_t *schema = json_pack("{s:s, s:s}", "title", title, "type", "object");
	json_t *properties = json_object(), *required = json_array();

	for (size_t i = 0; i < count && parameters[i].name; i++) {
		json_object_set_new(properties, parameters[i].name, property_of(&parameters[i], i));
		if (parameters[i].required)
			json_array_append_new(required, json_string(parameters[i].name));
	}
	json_object_set_new(schema, "properties", properties);
	if (json_array_size(required) > 0)
		json_object_set(schema, "required", required);
	json_decref(required);
	return schema;
}

WEIR_API json_t *weir_parameter_schema(const weir_flow *flow)
{
	return parameters_schema("Parameters", flow->parameters, WEIR_MAX_PARAMETERS);
}
