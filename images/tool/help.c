/* SPDX-License-Identifier: MIT */
/* What --help says, of the whole and of each command. */
#include "tool.h"

#include <stdio.h>

static const char all[] =
    "moka runs Java programs, each in a virtual machine of its own that does\n"
    "nothing else.\n"
    "\n"
    "  moka run app.jar              run a jar\n"
    "  moka java -cp lib/x.jar Main  as java(1), option for option\n"
    "  moka build app.jar -o app.img a disk that boots by itself, with all in it\n"
    "  moka doctor                   what of this machine is ready, and what is not\n"
    "  moka exec FOLDER /bin/program any Linux program\n"
    "\n"
    "moka COMMAND --help has the options and examples of each.\n"
    "moka --version says which this is.\n";

static const char exec[] =
    "moka exec [OPTION]... IMAGE-or-FOLDER /PATH/OF/PROGRAM [ARGUMENT]...\n"
    "\n"
    "Runs a Linux program in a machine of its own.  Its root is a folder, or an\n"
    "image made of one (tools/mkimage.sh); what it writes there is gone at the\n"
    "end, but for the folders given with -v.  Standard input, output and error\n"
    "are the program's; so is the status: 128+N if signal N ended it, 125 if the\n"
    "machine failed, 126 and 127 if the program cannot be run or is not there.\n"
    "Ctrl-C goes to the program; twice within two seconds, it ends the machine.\n"
    "\n"
    "  -m, --memory SIZE        memory of the machine, as 512M or 4G (1G)\n"
    "  -c, --cpus NUMBER        its processors (2)\n"
    "  -e, --env NAME=VALUE     a variable for the program; NAME alone: the host's\n"
    "  -v, --volume HOST:GUEST[:ro]  a folder of the host, read-write or read-only\n"
    "  -w, --cwd FOLDER         where the program starts (/)\n";

static const char network[] =
    "  -p, --publish [ADDRESS:]HOST:GUEST[/udp]  a port of the host leads to one of\n"
    "                           the machine; as often as you like\n"
    "      --network user|tap:INTERFACE|bridge:BRIDGE|none\n"
    "                           how the machine reaches others: behind this host\n"
    "                           (user, which needs no set-up), by an interface of\n"
    "                           its own, or not at all\n"
    "      --ip ADDRESS/PREFIX[,GATEWAY]  instead of what DHCP gives\n"
    "      --hostname NAME      what the machine calls itself (moka)\n";

static const char machine[] =
    "      --accel kvm|tcg|auto how the CPU is made (auto: KVM if it is there)\n"
    "      --machine TYPE       microvm (default) or q35\n"
    "      --gdb PORT           a debugger may connect to 127.0.0.1:PORT\n"
    "      --roles on|off       do threads of a JVM's collector run first, whom it\n"
    "                           knows by their names? (on)\n"
    "      --balloon on|off     does the host get memory back that has not been\n"
    "                           needed for ten seconds? (on)\n"
    "      --qmp SOCKET         QEMU takes its commands there: balloon, for one\n"
    "      --cache FOLDER       where images of folders and reports are kept\n"
    "      --verbose            the kernel's own log goes to standard error\n"
    "  -q, --quiet              only errors are reported\n"
    "      --dry-run            print the command of the machine instead, and what\n"
    "                           was chosen for it and why\n"
    "      --help\n";

static const char exec_examples[] =
    "\n"
    "Examples:\n"
    "  moka exec rootfs /bin/hello\n"
    "  echo 'select 1+1;' | moka exec rootfs /usr/bin/sqlite3\n"
    "  moka exec -m 4G -c 4 -v ~/data:/data rootfs /usr/bin/gzip -k /data/big\n"
    "  moka exec -e LANG=C.UTF-8 --cwd /srv app.erofs /srv/app --fast\n";

static const char run[] =
    "moka run [OPTION]... [JAVA-OPTION]... APP.jar [ARGUMENT]...\n"
    "moka run [OPTION]... [JAVA-OPTION]... APP.img [ARGUMENT]...\n"
    "\n"
    "Runs a Java program in a machine of its own: a jar, or a disk that `moka\n"
    "build` has made of one.  The current folder, and the folders of files that\n"
    "the command names, are there at the same paths; not so for a disk, which\n"
    "has all in it.  Standard input, output and error are the program's; so is\n"
    "the status: 128+N if signal N ended it (134 if the JVM crashed, 137 if\n"
    "memory ran out), 125 if the machine failed.\n"
    "Ctrl-C ends the program as on Linux; twice within two seconds, the machine.\n"
    "\n"
    "  -m, --memory SIZE        memory of the machine, as 512M or 4G (a quarter of\n"
    "                           the host's, up to 4G); the heap is sized to it\n"
    "  -c, --cpus NUMBER        its processors (as many as the host has)\n"
    "  -e, --env NAME=VALUE     a variable for the program; NAME alone: the host's\n"
    "  -v, --volume HOST:GUEST[:ro]  a folder of the host, read-write or read-only\n"
    "  -w, --cwd FOLDER         where the program starts (the current folder)\n"
    "      --jdk FOLDER         another JDK, of the host (Debian's OpenJDK 17)\n";

static const char run_examples[] =
    "\n"
    "JAVA-OPTION is what begins as -X, -D, -ea, -javaagent:, -agentlib:, --add-\n"
    "or --enable-.\n"
    "\n"
    "Examples:\n"
    "  moka run app.jar\n"
    "  moka run -m 2G -c 4 -Dport=80 app.jar --verbose\n"
    "  moka run -p 8080:8080 server.jar\n"
    "  moka run -e LANG=de_DE.UTF-8 --dry-run -Xmx1g -XX:+UseZGC app.jar\n"
    "  moka run -v ~/data:/data app.img\n";

static const char java[] =
    "moka java JAVA-OPTION... MAIN-CLASS|-jar APP.jar|-m MODULE [ARGUMENT]...\n"
    "\n"
    "Does what java(1) does, with its options, in a machine of its own: \"moka\n"
    "java --help\" is java's own help.  A link to moka that is called java is\n"
    "\"moka java\", so that JAVA_HOME/bin/java may be one.\n"
    "\n"
    "What the machine gets stands in the variable MOKA_OPTIONS: the options of\n"
    "moka run.\n"
    "\n"
    "Examples:\n"
    "  moka java -version\n"
    "  moka java -cp classes:lib/* org.example.Main\n"
    "  MOKA_OPTIONS='-m 2G -c 4' moka java -jar app.jar\n";

static const char build[] =
    "moka build [OPTION]... [JAVA-OPTION]... APP.jar [ARGUMENT]... -o APP.img\n"
    "\n"
    "Makes a disk of a jar that boots by itself, with all in it: the kernel, the\n"
    "C library, the JDK, the jar and what its Class-Path names, these options\n"
    "and arguments.  The files lie below /app; what the program writes is gone\n"
    "when the machine ends.\n"
    "\n"
    "  -o, --output FILE        the disk to make\n"
    "      --format raw|qcow2   what it is (qcow2 if FILE ends so, else raw)\n"
    "  -m, --memory SIZE        the machine it is made for (512M): the heap is\n"
    "                           sized to it, moka run gives it so much\n"
    "  -c, --cpus NUMBER        its processors (2)\n"
    "  -e, --env NAME=VALUE     a variable for the program; NAME alone: the host's\n"
    "  -v, --volume HOST:GUEST  a folder of the host, copied onto the disk\n"
    "      --jdk FOLDER         another JDK, of the host (Debian's OpenJDK 17)\n"
    "      --cache FOLDER       where the disk is put together\n"
    "  -q, --quiet              only errors are reported\n"
    "      --help\n"
    "\n"
    "Run it with\n"
    "  moka run app.img\n"
    "or without moka, on a PC with a BIOS and virtio, as QEMU makes it:\n"
    "  qemu-system-x86_64 -accel kvm -cpu host -m 512M -smp 2 -nographic \\\n"
    "      -drive file=app.img,format=raw,if=virtio\n"
    "\n"
    "Examples:\n"
    "  moka build app.jar -o app.img\n"
    "  moka build -m 2G -Xlog:gc app.jar serve --port 80 -o app.qcow2\n";

static const char doctor_text[] =
    "moka doctor [--jdk FOLDER] [--cache FOLDER]\n"
    "\n"
    "Looks at what moka needs of this machine, a line for each thing: \"ok\", or\n"
    "what is missing and how to get it.  The status is 1 if something is missing\n"
    "without which nothing runs.\n";

void help_print(enum verb verb)
{
    switch (verb) {
    case VERB_EXEC:
        printf("%s%s%s%s", exec, network, machine, exec_examples);
        break;
    case VERB_RUN:
        printf("%s%s%s%s", run, network, machine, run_examples);
        break;
    case VERB_JAVA:
        fputs(java, stdout);
        break;
    case VERB_BUILD:
        fputs(build, stdout);
        break;
    case VERB_DOCTOR:
        fputs(doctor_text, stdout);
        break;
    }
}

void help_print_all(FILE *to)
{
    fputs(all, to);
}

void version_print(void)
{
    puts("moka " MOKA_VERSION);
}
