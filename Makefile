# Commands of this project, over Meson and Ninja. `make` builds into build/; `make demo` builds and shows Weir at work.
#
#	make                 the library, the program and the examples
#	make demo            run an example flow, and look at what was recorded
#	make test            everything that must pass before a change goes in
#	make test-long       the same, and the tests that take long
#	make bench           measure
#	make asan tsan       unit tests under AddressSanitizer and UBSan, under ThreadSanitizer
#	make fuzz            fuzz every parser for FUZZ_SECONDS (60) each
#	make tidy            static analysis
#	make format          lay out the code
#	make install         into PREFIX (/usr/local); DESTDIR is honoured
#	make uninstall       take away what was installed last
#	make clean
#
# What is missing on Debian is installed by apt (scripts/setup); SETUP=no leaves that to you.

BUILD = build
PREFIX = /usr/local
FUZZ_SECONDS ?= 60
SETUP = yes

ifeq ($(SETUP),no)
setup = @true
else
setup = @scripts/setup
endif

.PHONY: all configure demo test test-long bench asan tsan fuzz tidy format install uninstall clean

all: configure
	@ninja -C $(BUILD) product

configure:
	$(setup) build
	@scripts/configure $(BUILD) --prefix=$(PREFIX)

demo: all
	@scripts/demo $(BUILD)

test:
	$(setup) test
	@scripts/run-tests

test-long:
	$(setup) test
	@scripts/run-tests --long

bench: configure
	@ninja -C $(BUILD) bench
	@scripts/run-bench $(BUILD)

asan:
	$(setup) test
	@scripts/run-tests --only asan

tsan:
	$(setup) test
	@scripts/run-tests --only tsan

fuzz:
	$(setup) test
	@scripts/run-fuzz $(FUZZ_SECONDS)

tidy:
	$(setup) test
	@scripts/configure build-clang
	@scripts/run-tidy build-clang

format:
	$(setup) test
	@scripts/check-format --fix

install: all
	@meson install -C $(BUILD) --no-rebuild
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" -eq 0 ] && command -v ldconfig >/dev/null; then ldconfig; fi

uninstall:
	@ninja -C $(BUILD) uninstall

clean:
	rm -rf build build-asan build-tsan build-clang build-fuzz
