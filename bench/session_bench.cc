// Times of the jail's sessions, one JSON object on standard output: the C++ side of bench/session_bench.py.
//   session_bench [--sessions N] [--blocks N] [--library-set NAME]
// "ready": from Open to the result of a first trivial block; "trivial block": Run of `1 + 1` in a session that is up.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "sandbox/sandbox.h"

namespace mathcoder {
namespace {

using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::time_point begin) { return std::chrono::duration<double, std::milli>(Clock::now() - begin).count(); }

sandbox::RunResult RunBlock(sandbox::Sandbox& box, sandbox::SessionId session, const std::string& code) {
  std::promise<sandbox::RunResult> done;
  box.Run(session, code, {}, [&done](sandbox::RunResult result) { done.set_value(std::move(result)); });
  return done.get_future().get();
}

void Expect(const sandbox::RunResult& result, std::string_view output) {
  if (result.status == sandbox::RunStatus::kOk && result.output == output) return;
  std::fprintf(stderr, "session_bench: a block gave %s '%s' (%s)\n", sandbox::Name(result.status), result.output.c_str(),
               result.cause.c_str());
  std::exit(1);
}

base::Json Summary(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&values](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  };
  return {{"p50", at(0.5)},        {"p90", at(0.9)},       {"p99", at(0.99)},
          {"min", values.front()}, {"max", values.back()}, {"n", values.size()}};
}

int Main(int argc, char** argv) {
  std::size_t sessions = 100;
  std::size_t blocks = 1000;
  sandbox::SandboxOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--sessions") sessions = std::strtoul(argv[i + 1], nullptr, 10);
    if (name == "--blocks") blocks = std::strtoul(argv[i + 1], nullptr, 10);
    if (name == "--library-set") options.library_set = argv[i + 1];
  }
  const Clock::time_point begin = Clock::now();
  const auto box = sandbox::StartSandbox(options);
  Expect(RunBlock(*box, box->Open(), "1 + 1"), "2");
  const double start = Milliseconds(begin);

  std::vector<double> ready;
  for (std::size_t i = 0; i < sessions; ++i) {
    const Clock::time_point open = Clock::now();
    const sandbox::SessionId session = box->Open();
    const sandbox::RunResult result = RunBlock(*box, session, "1 + 1");
    ready.push_back(Milliseconds(open));
    Expect(result, "2");
    box->Close(session);
  }
  std::vector<double> with_sympy;  // a session is born with sympy: this is what a program that imports it waits for
  for (std::size_t i = 0; i < sessions; ++i) {
    const Clock::time_point open = Clock::now();
    const sandbox::SessionId session = box->Open();
    const sandbox::RunResult result = RunBlock(*box, session, "import sympy\nsympy.Integer(2)");
    with_sympy.push_back(Milliseconds(open));
    Expect(result, "2");
    box->Close(session);
  }
  std::vector<double> trivial;
  const sandbox::SessionId session = box->Open();
  Expect(RunBlock(*box, session, "1 + 1"), "2");
  for (std::size_t i = 0; i < blocks; ++i) {
    const Clock::time_point run = Clock::now();
    const sandbox::RunResult result = RunBlock(*box, session, "1 + 1");
    trivial.push_back(Milliseconds(run));
    Expect(result, "2");
  }
  const base::Json json = {{"tier", std::string(1, sandbox::Letter(box->tier().tier))},
                           {"python", box->tier().python_version},
                           {"start_ms", start},
                           {"ready_ms", Summary(ready)},
                           {"ready_with_sympy_ms", Summary(with_sympy)},
                           {"trivial_block_ms", Summary(trivial)}};
  std::printf("%s\n", base::Dump(json).c_str());
  return 0;
}

}  // namespace
}  // namespace mathcoder

int main(int argc, char** argv) {
  try {
    return mathcoder::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "session_bench: %s\n", error.what());
    return 1;
  }
}
