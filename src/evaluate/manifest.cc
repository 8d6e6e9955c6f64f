#include "evaluate/manifest.h"

#include <algorithm>

#include "base/file.h"
#include "evaluate/resources.h"
#include "grade/grade.h"

namespace mathcoder::evaluate {

using base::Json;

std::string PromptSample(const chat::Dialect& dialect, const std::string& system) {
  chat::Problem problem;
  problem.question = "{question}";
  problem.system = system.empty() ? dialect.default_system() : system;
  std::string text;
  const auto add = [&](const std::vector<chat::Segment>& segments) {
    for (const chat::Segment& segment : segments) text += segment.text;
  };
  add(dialect.RenderPrompt(problem));
  add(dialect.RenderBlock({chat::BlockKind::kText, "{text}"}));
  add(dialect.RenderBlock({chat::BlockKind::kCode, "{code}"}));
  add(dialect.RenderObservation("{output}"));
  add(dialect.RenderMessageEnd());
  return text;
}

Json SolveSection(const SolveFacts& facts, const chat::Dialect& dialect) {
  const chat::Provenance& provenance = facts.provenance;
  const std::string prompt = PromptSample(dialect, facts.system);
  Json libraries = Json::object();
  for (const auto& [name, version] : facts.libraries) libraries[name] = version;
  // A path says where a file is, not what it is.
  const bool url = provenance.model.find("://") != std::string::npos;
  return {{"engine", provenance.engine},
          {"engine_details", facts.engine_details},
          {"model", url ? provenance.model : std::filesystem::path(provenance.model).filename().string()},
          {"model_sha256", provenance.model_sha256},
          {"dialect", provenance.dialect},
          {"prompt", prompt},
          {"prompt_sha256", base::Sha256(prompt)},
          {"observation_policy", provenance.observation_policy},
          {"sampling", facts.sampling},
          {"seeds", "sample i is drawn with sampling.seed + i"},
          {"settings", provenance.settings},
          {"sandbox_tier", provenance.sandbox_tier},
          {"library_set", provenance.library_set},
          {"python", facts.python_version},
          {"libraries", std::move(libraries)}};
}

Json BenchmarkSection(const std::vector<Selection>& selections, const std::vector<Dataset>& datasets, std::size_t limit) {
  Json list = Json::array();
  for (std::size_t i = 0; i < selections.size(); ++i) {
    const std::size_t questions = datasets[i].questions.size();
    list.push_back({{"name", selections[i].benchmark.name},
                    {"title", selections[i].benchmark.title},
                    {"file", selections[i].benchmark.file},
                    {"sha256", datasets[i].sha256},
                    {"questions_in_file", questions},
                    {"questions", limit == 0 ? questions : std::min(limit, questions)},
                    {"samples", selections[i].samples}});
  }
  return list;
}

Json GradeSection(const std::string& mode, const std::map<std::string, std::string>& policies, std::uint64_t seed) {
  Json spelled = Json::object();
  for (const auto& [benchmark, policy] : policies) spelled[benchmark] = policy;
  return {{"mode", mode}, {"grader", grade::GraderVersion()}, {"policies", std::move(spelled)}, {"statistics_seed", seed}};
}

std::string SolveIdentity(const Json& solve, const Json& benchmarks) {
  Json identity = {{"solve", solve}, {"questions", Json::object()}};
  identity["solve"].erase("engine_details");  // threads, batches: not what was asked for
  if (!solve["model_sha256"].get<std::string>().empty()) identity["solve"].erase("model");
  for (const Json& benchmark : benchmarks) identity["questions"][benchmark["name"].get<std::string>()] = benchmark["sha256"];
  return base::Dump(identity);
}

}  // namespace mathcoder::evaluate
