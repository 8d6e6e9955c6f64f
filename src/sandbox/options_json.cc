#include "sandbox/options_json.h"

namespace mathcoder::sandbox {

base::Json ToJson(const SandboxOptions& options) {
  base::Json json;
  json["library_set"] = options.library_set;
  json["minimum_tier"] = static_cast<int>(options.minimum_tier);
  json["memory_bytes"] = options.memory_bytes;
  json["disk_bytes"] = options.disk_bytes;
  json["max_processes"] = options.max_processes;
  json["output_bytes"] = options.output_bytes;
  json["warm_sessions"] = options.warm_sessions;
  json["max_sessions"] = options.max_sessions;
  json["disabled_layers"] = options.disabled_layers;
  return json;
}

SandboxOptions OptionsFromJson(const base::Json& json) {
  SandboxOptions options;
  options.library_set = json.at("library_set").get<std::string>();
  options.minimum_tier = static_cast<Tier>(json.at("minimum_tier").get<int>());
  options.memory_bytes = json.at("memory_bytes").get<std::size_t>();
  options.disk_bytes = json.at("disk_bytes").get<std::size_t>();
  options.max_processes = json.at("max_processes").get<std::size_t>();
  options.output_bytes = json.at("output_bytes").get<std::size_t>();
  options.warm_sessions = json.at("warm_sessions").get<std::size_t>();
  options.max_sessions = json.at("max_sessions").get<std::size_t>();
  options.disabled_layers = json.at("disabled_layers").get<std::vector<std::string>>();
  return options;
}

base::Json ToJson(const TierReport& report) {
  base::Json json;
  json["tier"] = static_cast<int>(report.tier);
  json["layers"] = base::Json::array();
  for (const Layer& layer : report.layers)
    json["layers"].push_back({{"name", layer.name}, {"available", layer.available}, {"why_not", layer.why_not}});
  json["why_not_higher"] = report.why_not_higher;
  json["python_version"] = report.python_version;
  json["libraries"] = base::Json::array();
  for (const auto& [name, version] : report.libraries) json["libraries"].push_back(base::Json::array({name, version}));
  return json;
}

TierReport ReportFromJson(const base::Json& json) {
  TierReport report;
  report.tier = static_cast<Tier>(json.at("tier").get<int>());
  for (const auto& layer : json.at("layers")) {
    report.layers.push_back(
        {layer.at("name").get<std::string>(), layer.at("available").get<bool>(), layer.at("why_not").get<std::string>()});
  }
  report.why_not_higher = json.at("why_not_higher").get<std::string>();
  report.python_version = json.at("python_version").get<std::string>();
  for (const auto& library : json.at("libraries"))
    report.libraries.emplace_back(library.at(0).get<std::string>(), library.at(1).get<std::string>());
  return report;
}

}  // namespace mathcoder::sandbox
