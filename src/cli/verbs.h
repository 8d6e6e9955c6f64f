// One function a verb: it adds its options to the program and, where the user chose it, sets `run` to what does the work.
// `run` returns the exit code; it may throw base::Error.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace mathcoder::cli {

using Run = std::function<int()>;

void AddSolve(CLI::App& app, Run& run);
void AddReplay(CLI::App& app, Run& run);
void AddGrade(CLI::App& app, Run& run);
void AddDoctor(CLI::App& app, Run& run);
void AddEval(CLI::App& app, Run& run);
void AddConvert(CLI::App& app, Run& run);
void AddTokenizer(CLI::App& app, Run& run);
void AddTrain(CLI::App& app, Run& run);

}  // namespace mathcoder::cli
