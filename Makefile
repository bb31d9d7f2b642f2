# libmonkey: LD_PRELOAD library that runs each pthread as a green thread. `make help` lists the targets.
VERSION := 0.1.0
PREFIX  ?= /usr/local

CC      ?= gcc
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow
COMMON  := -std=gnu11 -D_GNU_SOURCE $(WARN) -I. -MMD -MP
LIBFLAGS := -fPIC -fvisibility=hidden -fno-stack-protector -fno-plt -ftls-model=initial-exec -fexceptions -U_FORTIFY_SOURCE -fcf-protection=none

B   := build
CPU := x86_64
LIB_SRC := $(wildcard asm/$(CPU)/*.c runtime/*.c preload/*.c)
LIB_ASM := $(wildcard asm/$(CPU)/*.S)
ASM_HOOKS := $(addprefix $B/asm/$(CPU)/,dlsym.o ucontext.o vfork.o)
LIB_OBJ := $(LIB_SRC:%.c=$B/%.o) $(LIB_ASM:%.S=$B/%.o)
FCONTEXT := $B/fcontext/make_x86_64_sysv_elf_gas.o
LIBEV := $B/libev/ev.o
LIBS := -ldl

GREENRUN_OBJ := $B/tools/greenrun.o $B/tools/command.o $B/runtime/options.o
UNIT := $(patsubst tests/unit/%.c,$B/tests/unit/%,$(wildcard tests/unit/*.c))
HEADER := $(wildcard runtime/green.h)
SUITES := unit cli programs daemons

all: $B/libmonkey.so $B/greenrun ## build the library and greenrun (the default)

# Of the C++ library only the assembly that makes a context; asm/ has the jump.
$(FCONTEXT):
	@mkdir -p $B/fcontext
	cd $B/fcontext && ar x "$$($(CC) -print-file-name=libboost_context.a)" $(notdir $(FCONTEXT))

# libev goes in, and stays hidden: as a library beside ours it would replace the libev that a program brings itself (nio4r's
# gives up Ruby's lock while it waits). Debian's archive is made for executables; what a shared object may not do like one
# is to reach stderr, so that becomes a variable of ours.
$(LIBEV):
	@mkdir -p $(@D)
	cd $(@D) && ar x "$$($(CC) -print-file-name=libev.a)" ev.o && objcopy --redefine-sym stderr=hub_stderr ev.o

$B/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(COMMON) $(CFLAGS) $(LIBFLAGS) -c $< -o $@

$B/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(COMMON) $(CFLAGS) $(LIBFLAGS) -c $< -o $@

$B/tools/%.o: tools/%.c
	@mkdir -p $(@D)
	$(CC) $(COMMON) -DVERSION='"$(VERSION)"' $(CFLAGS) -c $< -o $@

# The table of hooks is also the list of exported symbols.
$B/exports.map: preload/table.h
	@mkdir -p $(@D)
	(echo '{ global: green_*;'; $(CC) -E -P -DTABLE_EXPORTS preload/table.h | tr ';' '\n' | sed -n 's/^ *export \([A-Za-z0-9_]*\).*/\1;/p'; echo 'local: *; };') > $@

$B/libmonkey.so: $(LIB_OBJ) $(FCONTEXT) $(LIBEV) $B/exports.map
	$(CC) $(CFLAGS) -shared -o $@ $(LIB_OBJ) $(FCONTEXT) $(LIBEV) -Wl,--version-script=$B/exports.map \
	  -Wl,-z,now -Wl,-z,noexecstack -Wl,--no-undefined -Wl,-soname,libmonkey.so $(LIBS)

$B/greenrun: $(GREENRUN_OBJ)
	$(CC) $(CFLAGS) $^ -o $@

# Plain programs, not linked with ours; tools/bench/run and tools/demo/run ask for those they need.
$B/bench/%: tools/bench/%.c tools/bench/bench.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(CFLAGS) $< -o $@ -pthread

# From an archive, so that a unit test links what is beneath its subject and nothing else; hooks written in assembly are not.
$B/runtime.a: $(filter $B/runtime/% $B/asm/%,$(filter-out $(ASM_HOOKS),$(LIB_OBJ))) $(FCONTEXT) $(LIBEV)
	rm -f $@ && ar rcs $@ $^

$B/tests/unit/%: tests/unit/%.c $B/runtime.a
	@mkdir -p $(@D)
	$(CC) $(COMMON) $(CFLAGS) $< -o $@ $B/runtime.a -lcriterion $(LIBS)

unit: $(UNIT)

deps: ## install what Debian must give (root); nothing happens when all is there
	tools/deps

test: ## build and run all tests; the last line is "N passed, N failed"
	@tools/deps
	@$(MAKE) --no-print-directory all unit
	@BUILD=$B tests/run $(SUITES)

demo: ## a real daemon natively and green under the same load, side by side
	@tools/deps
	@$(MAKE) --no-print-directory all
	@tools/demo/run

bench: all ## the tables of the README, also written to build/bench
	@tools/bench/run

asan: ## the unit tests under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory B=$B/asan CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined" unit
	@BUILD=$B/asan tests/run unit

check: ## formatting, linters, layers, exports, warnings as errors
	@tools/lint/run $B

format: ## lay out all C files
	clang-format -i $$(git ls-files '*.c' '*.h')

install: all ## to DESTDIR and PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 755 $B/greenrun $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $B/libmonkey.so $(DESTDIR)$(PREFIX)/lib/
	$(if $(HEADER),install -D -m 644 -t $(DESTDIR)$(PREFIX)/include $(HEADER))
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' tools/monkey.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/monkey.pc

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/greenrun $(DESTDIR)$(PREFIX)/lib/libmonkey.so $(DESTDIR)$(PREFIX)/lib/pkgconfig/monkey.pc \
	  $(DESTDIR)$(PREFIX)/include/green.h

clean: ## remove what was built
	rm -rf $B

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

-include $(LIB_OBJ:.o=.d) $(GREENRUN_OBJ:.o=.d) $(UNIT:=.d)
.PHONY: all unit deps test demo bench asan check format install uninstall clean help
