#include "evaluate/identity.h"

#include "base/json.h"

namespace mathcoder::evaluate {
namespace {

using base::Json;

// The first place where two settings differ, or "".
std::string Difference(const Json& then, const Json& now, const std::string& name) {
  if (then == now) return "";
  if (!then.is_object() || !now.is_object()) return name + " (" + base::Dump(then) + " then, " + base::Dump(now) + " now)";
  const std::string prefix = name.empty() ? "" : name + ".";
  for (const auto& [key, value] : then.items()) {
    const std::string found = Difference(value, now.contains(key) ? now[key] : Json(), prefix + key);
    if (!found.empty()) return found;
  }
  for (const auto& [key, value] : now.items()) {
    if (!then.contains(key)) return Difference(Json(), value, prefix + key);
  }
  return "";
}

}  // namespace

JoinedIdentity JoinIdentities(const std::string& then, const std::string& now) {
  if (then == now) return {now, ""};
  Json old = Json::parse(then, nullptr, false);
  const Json current = Json::parse(now, nullptr, false);
  for (const Json* each : {static_cast<const Json*>(&old), &current}) {
    if (!each->is_object() || !each->contains("solve") || !each->contains("questions")) return {"", "settings"};
  }
  if (std::string differs = Difference(old["solve"], current["solve"], ""); !differs.empty()) return {"", std::move(differs)};
  for (const auto& [benchmark, hash] : current["questions"].items()) {
    if (old["questions"].contains(benchmark) && old["questions"][benchmark] != hash) return {"", "questions of " + benchmark};
    old["questions"][benchmark] = hash;
  }
  return {base::Dump(old), ""};
}

}  // namespace mathcoder::evaluate
