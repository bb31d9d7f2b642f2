# libmonkey: LD_PRELOAD library that runs each pthread as a green thread. `make help` lists the targets.
CC      ?= gcc
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow
COMMON  := -std=gnu11 -D_GNU_SOURCE $(WARN) -I. -MMD -MP
LIBFLAGS := -fPIC -fvisibility=hidden -fno-stack-protector -fno-plt -ftls-model=initial-exec -fexceptions -U_FORTIFY_SOURCE -fcf-protection=none

B   := build
CPU := x86_64
LIB_SRC := $(wildcard runtime/*.c preload/*.c)
LIB_ASM := $(wildcard asm/$(CPU)/*.S)
LIB_OBJ := $(LIB_SRC:%.c=$B/%.o) $(LIB_ASM:%.S=$B/%.o)
FCONTEXT := $B/fcontext/done

all: $B/libmonkey.so $B/greenrun

# Only fcontext's assembly objects are taken out of the C++ library's archive.
$(FCONTEXT):
	mkdir -p $(@D) && cd $(@D) && ar x "$$($(CC) -print-file-name=libboost_context.a)" && touch done

$B/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(COMMON) $(CFLAGS) $(LIBFLAGS) -c $< -o $@

$B/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(COMMON) $(CFLAGS) $(LIBFLAGS) -c $< -o $@

# The table of hooks is also the list of exported symbols.
$B/exports.map: preload/table.h
	@mkdir -p $(@D)
	(echo '{ global: green_*;'; $(CC) -E -P -DTABLE_EXPORTS preload/table.h | tr ';' '\n' | sed -n 's/^ *export \([A-Za-z0-9_]*\).*/\1;/p'; echo 'local: *; };') > $@

$B/libmonkey.so: $(LIB_OBJ) $(FCONTEXT) $B/exports.map
	$(CC) -shared -o $@ $(LIB_OBJ) $B/fcontext/make_x86_64_sysv_elf_gas.o $B/fcontext/jump_x86_64_sysv_elf_gas.o \
	  -Wl,--version-script=$B/exports.map -Wl,-z,now -Wl,-z,noexecstack -Wl,--no-undefined -Wl,-soname,libmonkey.so -lev -ldl

$B/greenrun: tools/greenrun.c runtime/options.c
	@mkdir -p $(@D)
	$(CC) $(COMMON) $(CFLAGS) $^ -o $@

# Plain programs, not linked with ours; tools/bench/run and tools/demo/run ask for those they need.
$B/bench/%: tools/bench/%.c tools/bench/bench.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(CFLAGS) $< -o $@ -pthread

clean:
	rm -rf $B

-include $(LIB_OBJ:.o=.d)
.PHONY: all clean
