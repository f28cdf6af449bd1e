// SPDX-License-Identifier: Apache-2.0
// host_cpp - a C++ program with a thread that runs a flow without weir_main. Its task, in a process of its own, uses an
// object that is constructed before main.
#include <weir.h>

#include <iostream>
#include <string>
#include <thread>

namespace
{

const std::string greeting = std::string("grüße ") + std::to_string(7);

json_t *greet(weir_run *run)
{
	std::cout << "printed by C++" << std::endl;
	return json_string((greeting + " " + weir_string(run, "name")).c_str());
}

const weir_task greet_task = {
	.name = "greet",
	.parameters = { { .name = "name", .type = WEIR_STRING } },
	.run = greet,
	.mode = WEIR_PROCESS,
	.log_prints = WEIR_ON,
};

json_t *run_greet(weir_run *run)
{
	return weir_call(run, &greet_task, "s", "Ann");
}

const weir_flow cpp_flow = {
	.name = "cpp-flow",
	.run = run_greet,
};

} // namespace

int main()
{
	json_t *result = nullptr;
	weir_problem problem;
	std::thread other([] { std::this_thread::sleep_for(std::chrono::seconds(600)); });

	other.detach();
	if (weir_run_flow(&cpp_flow, &result, &problem, nullptr) < 0)
		return weir_complain(&problem);
	std::cout << json_string_value(result) << std::endl;
	json_decref(result);
	return 0;
}
