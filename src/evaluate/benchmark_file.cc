// The one file of this room that reads YAML.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>
#include <tuple>

#include "base/error.h"
#include "evaluate/benchmark.h"
#include "evaluate/resources.h"
#include "grade/grade.h"

namespace mathcoder::evaluate {
namespace {

constexpr std::array<std::string_view, 9> kKeys = {
    "name", "title", "file", "source", "policy", "published_policy", "answer_after", "subject_from_id", "aliases"};

class Definition {
 public:
  Definition(YAML::Node map, const std::string& where) : map_(std::move(map)), where_(where) {}

  [[noreturn]] void Fail(const YAML::Node& node, const std::string& what) const {
    const YAML::Mark mark = node.Mark();
    throw base::BadInput(where_ + ":" + std::to_string(mark.is_null() ? 1 : mark.line + 1) + ": " + what);
  }

  std::string Text(const char* key, bool required) const {
    const YAML::Node node = map_[key];
    if (!node || node.IsNull()) {
      if (required) Fail(map_, std::string("'") + key + "' is missing; it must be a string");
      return "";
    }
    if (!node.IsScalar() || (required && node.Scalar().empty())) Fail(node, std::string("'") + key + "' must be a string");
    return node.Scalar();
  }

  void CheckKeys() const {
    for (const auto& entry : map_) {
      if (entry.first.IsScalar() && std::ranges::find(kKeys, entry.first.Scalar()) != kKeys.end()) continue;
      std::string known;
      for (const std::string_view key : kKeys) known += (known.empty() ? "" : ", ") + std::string(key);
      Fail(entry.first, "unknown key" + (entry.first.IsScalar() ? " '" + entry.first.Scalar() + "'" : "") + "; known are " + known);
    }
  }

  const YAML::Node map_;

 private:
  const std::string& where_;
};

Benchmark Read(const YAML::Node& node, const std::string& where) {
  const Definition definition(node, where);
  if (!node.IsMap()) definition.Fail(node, "a benchmark's definition is a map: name, title, file, source, policy");
  definition.CheckKeys();
  Benchmark benchmark{.name = definition.Text("name", true),
                      .title = definition.Text("title", true),
                      .file = definition.Text("file", true),
                      .source = definition.Text("source", true),
                      .policy = definition.Text("policy", false),
                      .published_policy = definition.Text("published_policy", false),
                      .answer_after = definition.Text("answer_after", false),
                      .subject_from_id = definition.Text("subject_from_id", false),
                      .aliases = {}};
  const auto is_name = [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_' || c == '-' || c == '.';
  };
  if (!std::ranges::all_of(benchmark.name, is_name)) {
    definition.Fail(node["name"], "'name' holds '" + benchmark.name + "'; use small letters, digits, '-', '_' and '.'");
  }
  if (benchmark.file.find('/') != std::string::npos)
    definition.Fail(node["file"], "'file' must be the name of a file in --data, without a folder");
  for (const auto& [key, mode, flags] : {std::tuple("policy", "strict", &benchmark.policy),
                                         std::tuple("published_policy", "mathcoder", &benchmark.published_policy)}) {
    try {
      grade::PolicyOf(std::string(mode) + (flags->empty() ? "" : "," + *flags));
    } catch (const base::Error& error) {
      definition.Fail(node[key], "'" + std::string(key) + "': " + error.what());
    }
  }
  try {
    const std::regex checked(benchmark.subject_from_id);
    if (!benchmark.subject_from_id.empty() && checked.mark_count() < 1)
      definition.Fail(node["subject_from_id"], "'subject_from_id' has no group");
  } catch (const std::regex_error&) {
    definition.Fail(node["subject_from_id"], "'subject_from_id' is no regular expression");
  }
  if (const YAML::Node aliases = node["aliases"]) {
    if (!aliases.IsSequence()) definition.Fail(aliases, "'aliases' must be a list of strings");
    for (const auto& alias : aliases) {
      if (!alias.IsScalar() || alias.Scalar().empty()) definition.Fail(alias, "'aliases' must be a list of strings");
      benchmark.aliases.push_back(alias.Scalar());
    }
  }
  return benchmark;
}

}  // namespace

Benchmark ReadBenchmark(std::string_view yaml, const std::string& where) {
  try {
    return Read(YAML::Load(std::string(yaml)), where);
  } catch (const YAML::Exception& error) {
    throw base::BadInput(where + ":" + std::to_string(error.mark.is_null() ? 1 : error.mark.line + 1) + ": " + error.msg);
  }
}

const std::vector<Benchmark>& BuiltInBenchmarks() {
  static const std::vector<Benchmark> benchmarks = [] {
    std::vector<Benchmark> all;
    for (const Resource& resource : BenchmarkFiles())
      all.push_back(ReadBenchmark(resource.text, "benchmarks/" + std::string(resource.name)));
    return all;
  }();
  return benchmarks;
}

}  // namespace mathcoder::evaluate
