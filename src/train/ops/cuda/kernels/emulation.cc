#include "train/ops/cuda/kernels/emulation.h"

#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace mathcoder::train::cuda {

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {
namespace {

constexpr std::size_t kStackBytes = 64 << 10;
constexpr int kLanes = 32;

enum class State : std::uint8_t { kReady, kAtWarp, kAtBlock, kDone };

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  State state = State::kDone;
  int exchanges = 0;              // how many: their parity chooses the slot
  alignas(16) char slots[2][16];  // what the lane gives
};

struct Machine {
  std::vector<Fiber> fibers;
  ucontext_t scheduler;
  const std::function<void()>* body = nullptr;
  const char* kernel = "";
  int threads = 0, running = 0;
  Order order = Order::kForward;
  alignas(64) char shared[kSharedBytes];
};
Machine& M() {
  static auto* machine = new Machine;
  return *machine;
}

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "emulated kernel %s, block (%u, %u), thread %d: %s\n", M().kernel, blockIdx.x, blockIdx.y, M().running,
               what);
  std::abort();
}

void Enter() {
  (*M().body)();
  M().fibers[M().running].state = State::kDone;
  swapcontext(&M().fibers[M().running].context, &M().scheduler);
}

void Yield(State state) {
  Fiber& fiber = M().fibers[M().running];
  fiber.state = state;
  swapcontext(&fiber.context, &M().scheduler);
}

bool All(int begin, int end, State state) {
  for (int i = begin; i < end; ++i) {
    if (M().fibers[i].state != state && M().fibers[i].state != State::kDone) return false;
  }
  return true;
}

// True where a fiber became ready.
bool Release(int begin, int end, State from) {
  bool any = false;
  for (int i = begin; i < end; ++i) {
    if (M().fibers[i].state != from) continue;
    M().fibers[i].state = State::kReady;
    any = true;
  }
  return any;
}

// Until its lanes have ended, wait for the block, or for each other in vain.
void RunWarp(int begin) {
  Machine& m = M();
  const int end = std::min(m.threads, begin + kLanes);
  do {
    for (int turn = 0; turn < end - begin; ++turn) {
      const int i = m.order == Order::kForward ? begin + turn : end - 1 - turn;
      if (m.fibers[i].state != State::kReady) continue;
      m.running = i;
      threadIdx.x = static_cast<unsigned>(i);
      swapcontext(&m.scheduler, &m.fibers[i].context);
    }
  } while (All(begin, end, State::kAtWarp) && Release(begin, end, State::kAtWarp));
}

void RunBlock() {
  Machine& m = M();
  for (int i = 0; i < m.threads; ++i) {
    Fiber& fiber = m.fibers[i];
    if (!fiber.stack) fiber.stack.reset(new char[kStackBytes]);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = nullptr;
    fiber.state = State::kReady;
    fiber.exchanges = 0;
    makecontext(&fiber.context, Enter, 0);
  }
  // A warp goes on for as long as it can: what another one still reads is then overwritten, where a barrier is missing.
  const int warps = (m.threads + kLanes - 1) / kLanes;
  do {
    for (int turn = 0; turn < warps; ++turn) RunWarp((m.order == Order::kForward ? turn : warps - 1 - turn) * kLanes);
  } while (All(0, m.threads, State::kAtBlock) && Release(0, m.threads, State::kAtBlock));
  for (int i = 0; i < m.threads; ++i) {
    m.running = i;
    if (m.fibers[i].state != State::kDone) Fail("waits for threads that wait elsewhere");
  }
}

}  // namespace

void SetOrder(Order order) { M().order = order; }
void* DynamicShared() { return M().shared; }
int Lane() { return M().running % kLanes; }
void WaitForBlock() { Yield(State::kAtBlock); }

void Exchange(const void* mine, void* theirs, std::size_t bytes, int from) {
  Machine& m = M();
  Fiber& fiber = m.fibers[m.running];
  const int slot = fiber.exchanges++ % 2;
  std::memcpy(fiber.slots[slot], mine, bytes);
  Yield(State::kAtWarp);
  const int other = m.running / kLanes * kLanes + from;
  // Every lane has to have come to the same exchange: another may be one further, whose slot is the other one.
  if (other >= m.threads || m.fibers[other].exchanges < fiber.exchanges) Fail("asks a lane that has ended or was never started");
  std::memcpy(theirs, m.fibers[other].slots[slot], bytes);
}

void Run(const char* name, dim3 grid, int threads, std::size_t shared_bytes, const std::function<void()>& body) {
  Machine& m = M();
  m.kernel = name;
  m.body = &body;
  m.threads = threads;
  if (threads < 1 || threads > 1024 || grid.y > 65535 || shared_bytes > kSharedBytes) Fail("no device would launch this");
  if (m.fibers.size() < static_cast<std::size_t>(threads)) m.fibers.resize(static_cast<std::size_t>(threads));
  blockDim = dim3(static_cast<unsigned>(threads));
  gridDim = grid;
  for (unsigned y = 0; y < grid.y; ++y) {
    for (unsigned x = 0; x < grid.x; ++x) {
      blockIdx = dim3(x, y);
      std::memset(m.shared, 0xff, shared_bytes);  // what nobody wrote is NaN
      RunBlock();
    }
  }
}

}  // namespace emulation

void Bug() {
  std::fprintf(stderr, "emulated kernel %s: a bug in the caller\n", emulation::M().kernel);
  std::abort();
}

}  // namespace mathcoder::train::cuda
