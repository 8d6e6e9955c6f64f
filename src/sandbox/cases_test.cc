// Attacks and accidents, numbered as in the list of cases that the jail is designed from; JailTest checks the invariant after each.
#include <cstdlib>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "sandbox/testing/jail_test.h"

namespace mathcoder::sandbox {
namespace {

struct Case {
  const char* name;
  std::string code;
  std::vector<RunStatus> allowed;  // one of these
  std::string value;               // exactly; empty: not looked at
  std::string output_contains;
  std::string cause_contains;
  bool state_kept = true;  // the session answers afterwards, its variable intact
  bool truncated = false;  // must be flagged
  int timeout_ms = 10000;
};

void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

// Runs `expression` in a loop over (what, action) pairs and lists what was possible.
const std::string kAttempts = R"(
def possible(attempts):
    found = []
    for what, action in attempts:
        try:
            action()
        except (OSError, ValueError, AttributeError):
            continue
        found.append(what)
    return found
import ctypes, os, sys
_syscall = ctypes.CDLL(None, use_errno=True).syscall
def system_call(*arguments):
    ctypes.set_errno(0)
    result = _syscall(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), 'refused')
    return result
)";

std::string CaseName(const testing::TestParamInfo<Case>& info) { return info.param.name; }

class CasesTest : public JailTest, public testing::WithParamInterface<Case> {};

TEST_P(CasesTest, Holds) {
  const Case& test = GetParam();
  ASSERT_EQ(Run(session_, "kept = 'kept'").status, RunStatus::kOk);
  const RunResult result = Run(session_, test.code, Limits(test.timeout_ms));
  bool allowed = false;
  for (const RunStatus status : test.allowed) allowed = allowed || status == result.status;
  EXPECT_TRUE(allowed) << Name(result.status) << " cause: " << result.cause << "\n" << result.output;
  if (!test.value.empty()) {
    EXPECT_EQ(result.value, test.value) << result.output;
  }
  EXPECT_NE(result.output.find(test.output_contains), std::string::npos) << result.output.substr(0, 2000);
  EXPECT_NE(result.cause.find(test.cause_contains), std::string::npos) << result.cause;
  EXPECT_EQ(result.truncated, test.truncated);
  EXPECT_TRUE(base::IsValidUtf8(result.output));
  EXPECT_LT(result.output.size(), std::size_t{80} << 10);
  const RunResult after = Run(session_, "kept");
  if (result.status == RunStatus::kSessionLost || result.status == RunStatus::kMemoryLost) {
    EXPECT_EQ(after.status, RunStatus::kSessionLost);
  } else if (test.state_kept) {
    EXPECT_EQ(after.value, "'kept'") << Name(after.status) << " " << after.cause << after.output;
  }
}

constexpr RunStatus kOk = RunStatus::kOk;
constexpr RunStatus kError = RunStatus::kError;
constexpr RunStatus kTimeout = RunStatus::kTimeout;
constexpr RunStatus kLost = RunStatus::kSessionLost;
constexpr RunStatus kMemory = RunStatus::kMemoryLost;

const std::vector<Case> kCases = {
    {"3_allocation_of_3_GiB", "block = bytearray(3 << 30)", {kError}, "", "MemoryError"},
    {"13_huge_repr", "'a' * 30_000_000", {kOk}, "", "left out", "", true, true},
    {"13_slow_repr",
     "class Slow:\n    def __repr__(self):\n        while True: pass\nSlow()",
     {kTimeout},
     "",
     "KeyboardInterrupt",
     "",
     true,
     false,
     500},
    {"13_raising_repr",
     "class Bad:\n    def __repr__(self):\n        raise ValueError('no text')\nBad()",
     {kError},
     "",
     "ValueError: no text"},
    {"13_many_items", "list(range(10**6))", {kOk}, "", " 999,\n ..."},
    {"15_endless_loop", "while True: pass", {kTimeout}, "", "KeyboardInterrupt", "timeout after 500 ms", true, false, 500},
    {"16_signals_masked",
     "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
     {kLost},
     "",
     "",
     "timeout: interrupt ignored",
     false,
     false,
     500},
    {"16_interrupt_ignored",
     "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
     {kLost},
     "",
     "",
     "timeout: interrupt ignored",
     false,
     false,
     500},
    {"17_exceptions_swallowed",
     "def busy():\n    while True:\n        sum(range(100))\nwhile True:\n    try:\n        busy()\n    except BaseException:\n    "
     "    pass",
     {kLost},
     "",
     "",
     "timeout: interrupt ignored",
     false,
     false,
     500},
    {"18_bignum_in_C", "len(str(7 ** (10 ** 7)))", {kTimeout, kLost}, "", "", "timeout", false, false, 500},
    {"18_sympy_hang",
     "import sympy\nx = sympy.Symbol('x')\nsympy.factor(sum(x**i * (i*7919 % 10007) for i in range(3000)) * sum(x**i * (i*104729 % "
     "10009) for i in range(3000)))",
     {kTimeout, kLost},
     "",
     "",
     "timeout",
     false,
     false,
     500},
    {"25_sys_exit", "import sys\nsys.exit(3)", {kError}, "", "SystemExit: 3"},
    {"25_exit", "exit()", {kError}, "", "SystemExit"},
    {"26_os_exit", "import os\nos._exit(3)", {kLost}, "", "", "exit 3", false},
    {"26_os_exit_after_print", "import os\nprint('before')\nos._exit(0)", {kLost}, "", "before", "exit 0", false},
    {"27_null_pointer", "import ctypes\nctypes.string_at(0)", {kLost}, "", "", "SIGSEGV", false},
    {"28_abort", "import os\nos.abort()", {kLost}, "", "", "SIGABRT", false},
    {"29_recursion", "def f(): return f() + 1\nf()", {kError}, "", "RecursionError"},
    {"32_syntax_error", "x = = 1", {kError}, "", "SyntaxError: invalid syntax"},
    {"33_NUL_in_source", std::string("x = 1\0y = 2", 11), {kError}, "", "null bytes"},
    {"34_invalid_utf8", "import os\nn = os.write(1, b'a\\xff\\xfeb\\xed\\xa0\\x80c')", {kOk}, "", "\xEF\xBF\xBD"},
    {"34_lone_surrogate", "print('a\\ud800b')", {kOk}, "", "a?b"},
    {"34_surrogate_in_value", "'\\ud800'", {kOk}, "'\\ud800'"},
    {"35_NUL_in_output", "print('a\\0b')", {kOk}, "", std::string("a\0b", 3)},
    {"36_input", "input('name? ')", {kError}, "", "EOFError"},
    {"39_raw_bytes_to_descriptors",
     "import os\nfor fd in range(3, 64):\n    for size in (1, 28, 29, 4096):\n        try:\n            n = os.write(fd, "
     "os.urandom(size))\n        except OSError:\n            pass\n'done'",
     {kOk},
     "'done'"},
    {"40_a_length_of_2_GiB",
     R"(
import os, struct, sys
frame = sys._getframe()
while 'nonce' not in frame.f_locals: frame = frame.f_back
true_nonce = frame.f_locals['nonce']
for nonce in (true_nonce, bytes(16)):
    for total in (2**31 - 1, 2**31, 2**32 - 1):
        for offset in (0, 2**31, 2**32 - 1):
            n = os.write(3, struct.pack('<B3x16sII', 65, nonce, offset, total) + b'\xff' * 1000)
'done'
)",
     {kOk},
     "'done'"},
    {"41_forged_reply_with_a_guessed_nonce",
     R"(
import os, struct
body = b'\0\0' + struct.pack('<I', 6) + b'forged' + struct.pack('<I', 0) * 2
for nonce in (bytes(16), b'\xff' * 16, os.urandom(16)):
    n = os.write(3, struct.pack('<B3x16sII', 65, nonce, 0, len(body)) + body)
1 / 0
)",
     {kError},
     "",
     "ZeroDivisionError"},
    {"41_forged_ready_and_failure",
     "import os, struct\nfor kind in b'RFXA':\n    n = os.write(3, struct.pack('<B3x16sII', kind, bytes(16), 0, 0))\n'done'",
     {kOk},
     "'done'"},
    {"46_raw_writes",
     "import os\nn = os.write(1, b'to one\\n')\nm = os.write(2, b'to two\\n')\nprint('printed')",
     {kOk},
     "",
     "to two"},
    {"47_passwd",
     kAttempts + "possible([(p, lambda p=p: open(p).read(1)) for p in ('/etc/passwd', '/etc/shadow', '/etc/hostname', '/root', "
                 "'/proc/self/../../etc/passwd', '../../etc/passwd')])",
     {kOk},
     "[]"},
    {"48_environment_secret",
     "import os\n[name for name in os.environ if 'SECRET' in name] + [v for v in os.environ.values() if 'planted' in v]",
     {kOk},
     "[]"},
    {"49_environ_and_memory_of_others",
     kAttempts + R"(
possible([(p, lambda p=p: open(p, 'rb').read(1)) for pid in (1, 2, 3, os.getppid() or 1, os.getpid() - 1)
          for p in ('/proc/%d/environ' % pid, '/proc/%d/mem' % pid, '/proc/%d/maps' % pid)
          if pid != os.getpid()])
)",
     {kOk},
     "[]"},
    {"51_writes_outside",
     kAttempts + R"(
import os
folders = ['/', '/python', '/python/bin', '/python/site-packages', '/usr', '/usr/lib', '/etc', '/dev', '/proc', '/var', '/home', '/root', '..', '/sys/fs/cgroup']
folders += [os.path.dirname(os.__file__)] + [p for p in sys.path if p]
found = possible([(f, lambda f=f: open(f + '/mathcoder-test', 'w').close()) for f in folders])
found += possible([(f, lambda f=f: os.mkdir(f + '/mathcoder-test')) for f in folders])
found += possible([('os.py', lambda: open(os.__file__, 'r+').close()), ('unlink', lambda: os.unlink(os.__file__)), ('rename', lambda: os.rename(os.__file__, 'os.py'))])
with open('inside', 'w') as f: n = f.write('x')
found
)",
     {kOk},
     "[]"},
    {"59_network",
     kAttempts + R"(
import socket
kinds = [(family, kind, protocol) for family in (1, 2, 10, 16, 17, 38, 40, 44) for kind in (1, 2, 3, 5) for protocol in (0, 6, 17, 262)]
found = possible([('socket %d %d %d' % k, lambda k=k: socket.socket(*k).close()) for k in kinds])
found += possible([('connect', lambda: socket.create_connection(('127.0.0.1', 22), 0.2)), ('metadata', lambda: socket.create_connection(('169.254.169.254', 80), 0.2)),
                   ('dns', lambda: socket.getaddrinfo('example.org', 80)), ('pair', lambda: socket.socketpair(socket.AF_INET))])
a, b = socket.socketpair()
found
)",
     {kOk},
     "[]"},
    {"60_kill_everything",
     kAttempts + R"(
import os, signal
found = []
for target in (-1, 1, os.getppid() or 1):
    try:
        os.kill(target, 9)
    except OSError:
        pass
'alive'
)",
     {kOk},
     "'alive'"},
    {"61_other_processes",
     kAttempts + R"(
machine = os.uname().machine == 'x86_64'
ptrace, readv, writev, getfd, pidfd_open = (101, 310, 311, 438, 434) if machine else (117, 270, 271, 438, 434)
child = os.fork()
if child == 0:
    import time
    time.sleep(20)
    os._exit(0)
buffer = ctypes.create_string_buffer(8)
vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
found = possible([('traceme', lambda: system_call(ptrace, 0, 0, 0, 0)), ('attach', lambda: system_call(ptrace, 16, child, 0, 0)), ('seize', lambda: system_call(ptrace, 0x4206, child, 0, 0)),
                  ('readv', lambda: system_call(readv, child, vector, 1, vector, 1, 0)), ('writev', lambda: system_call(writev, child, vector, 1, vector, 1, 0)),
                  ('pidfd', lambda: system_call(getfd, system_call(pidfd_open, child, 0), 1, 0))])
os.kill(child, 9)
found
)",
     {kOk},
     "[]"},
    {"63_namespaces",
     kAttempts + R"(
machine = os.uname().machine == 'x86_64'
unshare, setns, clone, clone3 = (272, 308, 56, 435) if machine else (97, 268, 220, 435)
flags = {'user': 0x10000000, 'pid': 0x20000000, 'mount': 0x20000, 'net': 0x40000000, 'ipc': 0x8000000, 'uts': 0x4000000, 'cgroup': 0x2000000, 'time': 0x80}
def cloned(flag):
    pid = system_call(clone, flag | 17, 0, 0, 0, 0)
    if pid == 0: os._exit(0)
found = possible([('unshare ' + n, lambda f=f: system_call(unshare, f)) for n, f in flags.items()])
found += possible([('clone ' + n, lambda f=f: cloned(f)) for n, f in flags.items() if n != 'time'])
found += possible([('setns %d' % fd, lambda fd=fd: system_call(setns, fd, 0)) for fd in range(4)])
try:
    system_call(clone3, ctypes.create_string_buffer(88), 88)
except OSError as error:
    number = error.errno
(found, number)
)",
     {kOk},
     "([], 38)"},
};

INSTANTIATE_TEST_SUITE_P(Sandbox, CasesTest, testing::ValuesIn(kCases), CaseName);

class PlantedSecretTest : public JailTest {
 protected:
  void SetUp() override {
    setenv("MATHCODER_TEST_SECRET", "planted-secret", 1);
    JailTest::SetUp();
  }
};

TEST_F(PlantedSecretTest, 48_TheClientsEnvironmentIsNotSeen) {
  const RunResult result = Run(session_, "import os\nstr(dict(os.environ)).count('planted'), sorted(os.environ)");
  EXPECT_EQ(result.value, "(0, ['HOME', 'MPLCONFIGDIR'])");
}

TEST_F(JailTest, 50_HostProcessesAreNotSeen) {
  const std::string pid = std::to_string(getpid());
  const RunResult result = Run(session_,
                               "import os\ndef seen(pid):\n    try:\n        os.kill(pid, 0)\n        return True\n    except "
                               "OSError:\n        return False\n[seen(" +
                                   pid + "), seen(" + std::to_string(sandbox_->sandboxd_pid()) + ")]");
  EXPECT_EQ(result.value, "[False, False]") << result.output;
}

TEST_F(JailTest, 62_ADaemonDoesNotOutliveItsSession) {
  const RunResult result = Run(session_, R"(
import ctypes, os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, b'mc-test-daemon', 0, 0, 0)
        time.sleep(1000)
    os._exit(0)
time.sleep(0.2)
)");
  ASSERT_EQ(result.status, RunStatus::kOk) << result.output;
  ASSERT_TRUE(Eventually([] { return !ProcessesNamed("mc-test-daemon").empty(); }));
  sandbox_->Close(session_);
  EXPECT_TRUE(Eventually([] { return ProcessesNamed("mc-test-daemon").empty(); }));
}

TEST_F(JailTest, 41_AForgedReplyIsOneReply) {
  // The code can speak for itself, as it can print what it likes; it cannot answer the request after it.
  const std::string forge = R"(
import os, struct, sys
frame = sys._getframe()
while 'nonce' not in frame.f_locals: frame = frame.f_back
body = b'\0\0' + struct.pack('<I', 6) + b'forged' + struct.pack('<I', 0) * 2
for i in range(20):
    n = os.write(3, struct.pack('<B3x16sII', 65, frame.f_locals['nonce'], 0, len(body)) + body)
)";
  EXPECT_EQ(Run(session_, forge).value, "forged");
  EXPECT_EQ(Run(session_, "1 + 1").value, "2");
  EXPECT_EQ(Run(session_, "1 / 0").status, RunStatus::kError);
}

TEST_F(JailTest, 28_NoCoreIsLeft) {
  EXPECT_EQ(
      Run(session_, "import os\npid = os.fork()\nif pid == 0: os.abort()\nos.waitpid(pid, 0)[1] & 0x80, os.listdir('.')").value,
      "(0, [])");
}

}  // namespace
}  // namespace mathcoder::sandbox
