// The program: parse, call, print. The one place where exceptions become exit codes.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/paths.h"
#include "base/version.h"
#include "cli/verbs.h"
#include "engine/llama_engine.h"

namespace {

using mathcoder::base::ExitCode;

constexpr char kFooter[] = R"(
Examples:
  mathcoder solve "Let q = 12 - 7. What is the remainder when 173962 is divided by q*319?"
  mathcoder solve --in problems.jsonl --out solved.jsonl -j 16
  mathcoder grade --gold '1/2' --pred 'so \boxed{0.5}' --why
  mathcoder doctor

Exit codes:
  0 done   1 done, but a part failed   2 wrong command line   3 unusable input
  4 something needed is missing here (endpoint, isolation, libraries)   5 output cannot be written
  70 a bug   130 interrupted)";

int Report(const std::string& message, ExitCode code) {
  std::fflush(stdout);
  std::fprintf(stderr, "mathcoder: error: %s\n", message.c_str());
  return static_cast<int>(code);
}

// Read from the virtual environment's own file: --version starts no process.
std::string JailPythonVersion() {
  const auto python = mathcoder::base::FindLibrarySet("current");
  if (!python) return "not installed (scripts/make-jail-python current makes it)";
  std::ifstream config(python->parent_path().parent_path() / "pyvenv.cfg");
  constexpr std::string_view kKey = "version = ";
  for (std::string line; std::getline(config, line);) {
    if (line.starts_with(kKey)) return line.substr(kKey.size());
  }
  return "of unknown version at " + python->string();
}

std::string VersionText() {
  return std::string("mathcoder ") + MATHCODER_VERSION + "\nengine: " + mathcoder::engine::LlamaVersion() + "\njail: Python " +
         JailPythonVersion();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("MathCoder: language models that solve mathematics by writing and running code.", "mathcoder");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "this text; `mathcoder VERB --help` for a verb");
  bool version = false;
  app.add_flag("--version", version, "versions of the program, of llama.cpp and of the jail's Python")->trigger_on_parse();
  mathcoder::cli::Run run;
  mathcoder::cli::AddSolve(app, run);
  mathcoder::cli::AddReplay(app, run);
  mathcoder::cli::AddGrade(app, run);
  mathcoder::cli::AddDoctor(app, run);
  mathcoder::cli::AddEval(app, run);
  mathcoder::cli::AddConvert(app, run);
  mathcoder::cli::AddTokenizer(app, run);
  mathcoder::cli::AddTrain(app, run);
  try {
    if (argc == 1) {
      std::printf("%s", app.help().c_str());
      return static_cast<int>(ExitCode::kUsage);
    }
    if (argc == 2 && std::string(argv[1]) == "--version") {
      std::printf("%s\n", VersionText().c_str());
      return 0;
    }
    app.parse(argc, argv);
    return run();
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return Report(std::string(error.what()) + "; see `mathcoder --help`", ExitCode::kUsage);
  } catch (const mathcoder::base::Error& error) {
    return Report(error.what(), error.code());
  } catch (const std::bad_alloc&) {
    return Report("out of memory", ExitCode::kFailure);
  } catch (const std::exception& error) {
    return Report(std::string("unexpected: ") + error.what() + "; this is a bug, please report it", ExitCode::kInternal);
  }
}
