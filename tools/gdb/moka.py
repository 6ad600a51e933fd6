# SPDX-License-Identifier: MIT
"""
GDB commands that know the kernel's structures.  Load them with the image:

    gdb -x tools/gdb/moka.py build/release/moka.elf -ex 'target remote :1234'

They only read memory and registers, through GDB's own view of the image's
types, so that a field that moves needs no change here; a field that is
renamed makes tests/gdb.sh fail.  docs/debugging.md describes their use.
"""

import re

import gdb

PAGE_SHIFT = 12
PTE_FLAGS = [(0, "present"), (1, "write"), (2, "user"), (4, "uncached"), (5, "accessed"),
             (6, "dirty"), (63, "nx")]
PTE_ADDRESS = 0x000FFFFFFFFFF000
TRACE_RING_EVENTS = 256  # kernel/debug/trace_priv.h
CLOCK_SHIFT = 60  # kernel/time/clock_priv.h
FRAMES_MAX = 32


# Reading values ------------------------------------------------------------


def evaluate(expression):
    return gdb.parse_and_eval(expression)


def file_static(path, name):
    """A static variable of a source file."""
    return evaluate("'%s'::%s" % (path, name))


def memory_u64(address):
    data = gdb.selected_inferior().read_memory(address & (2**64 - 1), 8)
    return int.from_bytes(bytes(data), "little")


def container(address, type_name, field):
    """The structure that has its `field` at this address."""
    structure = gdb.lookup_type(type_name)
    offset = next(f.bitpos // 8 for f in structure.fields() if f.name == field)
    return gdb.Value(int(address) - offset).cast(structure.pointer()).dereference()


def enum_name(type_name, value, prefix):
    for field in gdb.lookup_type(type_name).fields():
        if field.enumval == int(value):
            return field.name[len(prefix):].lower()
    return "?%d" % int(value)


def text(array):
    return array.string(errors="replace")


def list_members(head, type_name, field):
    """The structures of a struct list, first to last."""
    start = int(head.address)
    node = head["next"]
    while int(node) != start:
        yield container(node, type_name, field)
        node = node["next"]


def tree_nodes(node):
    """The nodes of a struct rb_tree in order."""
    if int(node) == 0:
        return
    yield from tree_nodes(node["child"][0])
    yield node
    yield from tree_nodes(node["child"][1])


def cpus():
    """struct cpu of each CPU that is online, by id."""
    online = int(file_static("kernel/x86/cpu.c", "cpus")["online"])
    table = file_static("kernel/x86/cpu.c", "cpus")["cpu"]
    return [table[i].dereference() for i in range(online)]


def describe_address(address):
    """function+offset at file:line, as far as known."""
    name = gdb.execute("info symbol 0x%x" % address, to_string=True).strip()
    if name.startswith("No symbol"):
        return ""
    words = name.split(" in section")[0].replace(" + ", "+")
    place = gdb.find_pc_line(address)
    if place.symtab is not None:
        return "%s at %s:%d" % (words, place.symtab.filename, place.line)
    return words


# CPUs ----------------------------------------------------------------------


class Registers:
    """What GDB knows of a CPU that is stopped."""

    def __init__(self, thread):
        thread.switch()
        frame = gdb.newest_frame()
        self.thread = thread.num
        self.rip = int(frame.read_register("rip"))
        self.rbp = int(frame.read_register("rbp")) & (2**64 - 1)
        self.rsp = int(frame.read_register("rsp")) & (2**64 - 1)
        self.gs_base = int(frame.read_register("gs_base")) & (2**64 - 1)
        self.caller = self.find_caller(frame)

    def find_caller(self, frame):
        """The caller's rip and rbp: here the function may not have made its frame, which
        GDB's own unwinder knows."""
        try:
            while frame.type() == gdb.INLINE_FRAME:
                frame = frame.older()
            frame = frame.older()
            if frame is None or frame.pc() == 0:
                return None
            return frame.pc(), int(frame.read_register("rbp")) & (2**64 - 1)
        except gdb.error:
            return None


def registers_by_cpu():
    """CPU id -> Registers: GDB's numbers are QEMU's, ours follow GS base."""
    selected = gdb.selected_thread()
    frames = [Registers(thread) for thread in gdb.selected_inferior().threads()]
    if selected is not None:
        selected.switch()
    by_base = {registers.gs_base: registers for registers in frames}
    return {int(cpu["id"]): by_base[int(cpu.address)] for cpu in cpus()
            if int(cpu.address) in by_base}


# Backtraces ----------------------------------------------------------------


class Walk:
    """Follows frame pointers, across traps and system calls; see kernel/debug/backtrace.c."""

    def __init__(self, rip, rbp, caller=None):
        self.rip, self.rbp, self.called = rip, rbp, False
        self.caller = caller
        self.crossed = ""
        self.trap_return = int(evaluate("(unsigned long)&trap_return"))

    def step(self):
        self.crossed = ""
        if self.caller is not None:
            (self.rip, self.rbp), self.called, self.caller = self.caller, True, None
            return True
        rbp, rip = memory_u64(self.rbp), memory_u64(self.rbp + 8)
        if rip == self.trap_return:
            frame = gdb.Value(self.rbp + 16).cast(gdb.lookup_type("struct trap_frame").pointer())
            self.crossed = "trap, vector %d" % int(frame["vector"])
            self.rip, self.rbp, self.called = int(frame["rip"]), int(frame["rbp"]), False
        elif describe_address(rip - 1).startswith("syscall_entry+"):
            self.crossed = "system call"
            self.rip, self.rbp, self.called = memory_u64(memory_u64(rbp + 8)), memory_u64(rbp), True
        else:
            self.rip, self.rbp, self.called = rip, rbp, True
        return self.rip != 0

    def print(self):
        for number in range(FRAMES_MAX):
            if self.crossed:
                print("      -- %s --" % self.crossed)
            print("      #%d 0x%x %s" %
                  (number, self.rip, describe_address(self.rip - (1 if self.called else 0))))
            try:
                if not self.step():
                    return
            except gdb.MemoryError:
                return


def sleeping_position(thread):
    """Where a thread that is not running goes on: arch_switch_stack()'s frame."""
    pointer = gdb.lookup_type("struct switch_frame").pointer()
    frame = gdb.Value(int(thread["saved_sp"])).cast(pointer)
    return int(frame["rip"]), int(frame["rbp"])


# Commands ------------------------------------------------------------------


class Command(gdb.Command):
    """Base: an error in reading the guest is one line, not a Python traceback."""

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        try:
            self.run(gdb.string_to_argv(argument))
        except gdb.MemoryError as error:
            raise gdb.GdbError("%s: %s" % (self.name, error))


class MokaCpus(Command):
    """moka-cpus: each CPU, what it runs and where."""

    name = "moka-cpus"

    def run(self, arguments):
        registers = registers_by_cpu()
        for cpu in cpus():
            number = int(cpu["id"])
            current = cpu["current"]
            print("CPU %d: apic id %d, struct cpu at 0x%x" %
                  (number, int(cpu["apic_id"]), int(cpu.address)))
            if int(current) != 0:
                print("  runs %d '%s'%s, interrupts being handled: %d" %
                      (int(current["tid"]), text(current["name"]),
                       ", to be preempted" if cpu["need_resched"] else "", int(cpu["irq_depth"])))
            if number in registers:
                at = registers[number]
                print("  GDB's thread %d, at 0x%x %s" %
                      (at.thread, at.rip, describe_address(at.rip)))


def all_threads():
    return list_members(file_static("kernel/sched/thread.c", "threads")["all"],
                        "struct thread", "all")


class MokaThreads(Command):
    """moka-threads [TID]: each thread with state, CPU, class and backtrace."""

    name = "moka-threads"

    def run(self, arguments):
        registers = registers_by_cpu()
        running = {int(cpu["current"]): int(cpu["id"]) for cpu in cpus()}
        for thread in all_threads():
            if arguments and int(thread["tid"]) != int(arguments[0]):
                continue
            self.show(thread, running.get(int(thread.address)), registers)

    def show(self, thread, cpu, registers):
        state = enum_name("enum thread_state", thread["state"], "THREAD_")
        if cpu is not None:
            state = "running"
        print("%d '%s' %s, CPU %d, class %s, nice %d, %s thread, ran %.3f ms" %
              (int(thread["tid"]), text(thread["name"]), state, int(thread["cpu"]),
               enum_name("enum sched_class", thread["class"], "SCHED_CLASS_"),
               int(thread["nice"]), "application" if int(thread["app_stack"]) else "kernel",
               int(thread["run_time"]) / 1e6))
        if cpu is None:
            Walk(*sleeping_position(thread)).print()
        elif cpu in registers:
            at = registers[cpu]
            Walk(at.rip, at.rbp, at.caller).print()


class MokaRunqueues(Command):
    """moka-runqueues: each CPU's running thread and queue, next one first."""

    name = "moka-runqueues"

    def run(self, arguments):
        for cpu in cpus():
            queue = evaluate("sched_cpus")[int(cpu["id"])]
            print("CPU %d: %s, %d runnable" %
                  (int(cpu["id"]), enum_name("enum cpu_idle", queue["idle"], "CPU_"),
                   int(queue["runnable"])))
            if int(queue["current"]) != 0:
                print("  runs   %s" % self.line(queue["current"]))
            for thread in self.queued(queue["queue"]):
                print("  queued %s" % self.line(thread))
            thread = queue["wake_list"]
            while int(thread) != 0:
                print("  woken  %s" % self.line(thread))
                thread = thread["wake_next"]

    def queued(self, queue):
        """All classes in order; the first of the fair ones is kept outside their tree."""
        for name in ("URGENT", "GC", "FAIR", "IDLE"):
            if name == "FAIR":
                if int(queue["front"]) != 0:
                    yield queue["front"].dereference()
                for node in tree_nodes(queue["fair"]["root"]):
                    yield container(node, "struct thread", "rq_node")
            else:
                number = int(evaluate("SCHED_CLASS_" + name))
                yield from list_members(queue["fifo"][number], "struct thread", "rq_link")

    def line(self, thread):
        return "%d '%s' class %s, nice %d, weighted run time %d" % (
            int(thread["tid"]), text(thread["name"]),
            enum_name("enum sched_class", thread["class"], "SCHED_CLASS_"),
            int(thread["nice"]), int(thread["vruntime"]))


class MokaRegions(Command):
    """moka-regions [ADDRESS]: the address space, or the region of one address."""

    name = "moka-regions"

    def run(self, arguments):
        tree = evaluate("aspace.set.tree")
        wanted = int(evaluate(arguments[0])) if arguments else None
        for node in tree_nodes(tree["root"]):
            region = container(node, "struct region", "node")
            start, end = int(region["start"]), int(region["end"])
            if wanted is None or start <= wanted < end:
                print(self.line(region, start, end))

    def line(self, region, start, end):
        prot = int(region["prot"])
        letters = "".join(letter if prot & bit else "-"
                          for bit, letter in ((1, "r"), (2, "w"), (4, "x")))
        words = [enum_name("enum region_kind", region["kind"], "REGION_"),
                 "pages " + enum_name("enum region_pages", region["pages"], "PAGES_")]
        words += [flag for flag in ("busy", "closing") if region[flag]]
        return "%016x-%016x %s %8d KiB %s" % (start, end, letters, (end - start) >> 10,
                                              ", ".join(words))


class MokaWalk(Command):
    """moka-walk ADDRESS: the page-table entries that translate an address."""

    name = "moka-walk"

    def run(self, arguments):
        if len(arguments) != 1:
            raise gdb.GdbError("usage: moka-walk ADDRESS")
        address = int(evaluate(arguments[0])) & (2**64 - 1)
        window = int(evaluate("direct_map_base"))
        table = int(file_static("kernel/mm/pagetable.c", "pagetable")["root"])
        for level in (4, 3, 2, 1):
            shift = PAGE_SHIFT + 9 * (level - 1)
            index = address >> shift & 511
            entry = memory_u64(window + table + 8 * index)
            large = level in (2, 3) and entry >> 7 & 1
            flags = [name for bit, name in PTE_FLAGS if entry >> bit & 1]
            print("level %d table %x index %d entry %016x %s%s" %
                  (level, table, index, entry, " ".join(flags), " leaf" if large else ""))
            if not entry & 1:
                print("not mapped")
                return
            table = entry & PTE_ADDRESS
            if large or level == 1:
                size = 1 << shift
                physical = (table & ~(size - 1)) | (address & (size - 1))
                print("physical address %x, page of %d KiB" % (physical, size >> 10))
                return


class MokaTrace(Command):
    """moka-trace [COUNT]: the last events of all CPUs by time (default 40)."""

    name = "moka-trace"

    def run(self, arguments):
        count = int(arguments[0]) if arguments else 40
        records = sorted(self.records(), key=lambda r: r[0])[-count:]
        mult = int(file_static("kernel/time/clock.c", "clock")["mult"])
        formats = file_static("kernel/debug/trace.c", "trace_events")
        for tsc, cpu, event, a, b in records:
            words = self.expand(text(formats[event]["format"]), [a, b])
            before = (records[-1][0] - tsc) * mult >> CLOCK_SHIFT
            print("-%.3f us cpu %d %s %s" %
                  (before / 1000, cpu, text(formats[event]["name"]), words))

    def records(self):
        rings = evaluate("trace_rings")
        for i in range(rings.type.range()[1] + 1):
            if int(rings[i]) == 0:
                continue
            ring = rings[i].dereference()
            end = int(ring["next"])
            for number in (i & 0xFFFFFFFF for i in range(end - TRACE_RING_EVENTS, end)):
                record = ring["records"][number % TRACE_RING_EVENTS]
                if int(record["serial"]) == number:
                    yield (int(record["tsc"]), int(record["cpu"]), int(record["event"]),
                           int(record["a"]), int(record["b"]))

    def expand(self, form, values):
        """printf of %lu %lx %ld."""
        def one(match):
            value = values.pop(0)
            if match.group(1) == "x":
                return "%x" % value
            return str(value - 2**64 if match.group(1) == "d" and value >> 63 else value)
        return re.sub(r"%l([uxd])", one, form)


class MokaLocks(Command):
    """moka-locks: spinlocks that each CPU holds (debug and test images)."""

    name = "moka-locks"

    def run(self, arguments):
        for cpu in cpus():
            held = cpu["locks"]
            print("CPU %d holds %d" % (int(cpu["id"]), int(held["count"])))
            for i in range(int(held["count"])):
                one = held["held"][i]
                print("  %s at 0x%x, rank %s" %
                      (one["name"].string(), int(one["lock"]),
                       enum_name("enum lock_rank", one["rank"], "RANK_")))


for command in (MokaCpus, MokaThreads, MokaRunqueues, MokaRegions, MokaWalk, MokaTrace, MokaLocks):
    command()
