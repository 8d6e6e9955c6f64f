#include "sandbox/daemon/canary.h"

namespace mathcoder::sandbox {
namespace {

constexpr const char* kSource = R"(
def _canary(namespaces):
    import ctypes, errno, os, resource, socket
    found = []
    call = ctypes.CDLL(None, use_errno=True).syscall

    def attempt(layer, what, action):
        try:
            action()
        except (OSError, ValueError):
            return
        found.append(layer + ': ' + what)

    def system_call(*arguments):
        ctypes.set_errno(0)
        if call(*arguments) < 0:
            raise OSError(ctypes.get_errno(), 'refused')

    machine = os.uname().machine
    ptrace, mount, unshare = (101, 165, 272) if machine == 'x86_64' else (117, 40, 97)
    attempt('landlock' if not namespaces else 'private root', 'read /etc/passwd', lambda: open('/etc/passwd').close())
    attempt('landlock' if not namespaces else 'private root', 'list /home', lambda: os.listdir('/home'))
    attempt('landlock' if not namespaces else 'private root', 'write /mathcoder-canary', lambda: open('/mathcoder-canary', 'w').close())
    attempt('landlock' if not namespaces else 'private root', 'list /proc/1', lambda: os.listdir('/proc/1'))
    attempt('landlock', 'write beside the work directory', lambda: open('../mathcoder-canary', 'w').close())
    attempt('landlock', 'make a device', lambda: os.mknod('canary-device', 0o020600, os.makedev(1, 3)))
    attempt('landlock', 'signal other processes', lambda: os.kill(-1 if namespaces else os.getppid(), 0))
    attempt('seccomp', 'make a TCP socket', lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close())
    attempt('seccomp', 'make a UDP socket', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close())
    attempt('seccomp', 'be traced', lambda: system_call(ptrace, 0, 0, 0, 0))
    attempt('seccomp', 'make a user namespace', lambda: system_call(unshare, 0x10000000))
    attempt('seccomp', 'mount', lambda: system_call(mount, b'x', b'/work', b'tmpfs', 0, 0))
    attempt('seccomp', 'run a program', lambda: os.execv('/python/bin/python3', ['python3', '-c', 'pass']))
    attempt('rlimits', 'raise a limit', lambda: resource.setrlimit(resource.RLIMIT_NPROC, (1 << 20, 1 << 20)))
    if namespaces and os.getpid() > 100:
        found.append('pid namespace: sees process number %d' % os.getpid())
    if os.getuid() == 0 or os.geteuid() == 0:
        found.append('uid: runs as root')
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    if call(125 if machine == 'x86_64' else 90, header, data) != 0 or any(data):
        found.append('capabilities: some are left')
    for fd in range(4, 64):
        try:
            os.fstat(fd)
            found.append('descriptors: %d is open' % fd)
        except OSError:
            pass
    if set(os.environ) - {'HOME', 'MPLCONFIGDIR'}:
        found.append('environment: not empty')
    return found
)";

}  // namespace

std::string CanarySource(bool namespaces) { return std::string(kSource) + "_canary(" + (namespaces ? "True" : "False") + ")\n"; }

}  // namespace mathcoder::sandbox
