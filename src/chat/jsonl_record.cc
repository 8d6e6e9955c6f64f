#include "chat/jsonl_record.h"

#include <cstdint>
#include <limits>
#include <stdexcept>

namespace mathcoder::chat {
namespace {

using base::Failure;
using base::Json;

// What is wrong with a record, on its way out of nested readers of this file; never leaves it.
struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

const Json& Member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) throw Wrong("field 'mathcoder." + std::string(name) + "' is missing");
  return *found;
}

[[noreturn]] void Throw(const std::string& name, const Json& found, const std::string& expected) {
  throw Wrong(WrongField("mathcoder." + name, found, expected).message);
}

std::string String(const Json& object, const char* name) {
  const Json& value = Member(object, name);
  if (!value.is_string()) Throw(name, value, "a string");
  return value.get<std::string>();
}

template <typename T>
T Count(const Json& object, const char* name) {
  const Json& value = Member(object, name);
  if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<std::int64_t>() < 0) ||
      value.get<std::uint64_t>() > std::numeric_limits<T>::max()) {
    Throw(name, value, "a count");
  }
  return value.get<T>();
}

std::chrono::microseconds Micros(const Json& object, const char* name) {
  return std::chrono::microseconds(static_cast<std::int64_t>(Count<std::uint64_t>(object, name)));
}

bool Bool(const Json& object, const char* name) {
  const Json& value = Member(object, name);
  if (!value.is_boolean()) Throw(name, value, "true or false");
  return value.get<bool>();
}

const Json& Typed(const Json& object, const char* name, Json::value_t type, const char* expected) {
  const Json& value = Member(object, name);
  if (value.type() != type) Throw(name, value, expected);
  return value;
}

// Names of an enumeration: `parse` gives nullopt for one it does not know.
template <typename Parse>
auto Named(const Json& object, const char* name, Parse parse) {
  const std::string text = String(object, name);
  const auto value = parse(text);
  if (!value) Throw(name, Json(text), "a known name");
  return *value;
}

Json ExecutionJson(const Execution& execution) {
  return {{"code_block", execution.code_block}, {"verdict", std::string(Name(execution.verdict))},
          {"detail", execution.detail},         {"truncated", execution.truncated},
          {"wall_us", execution.wall.count()},  {"prefilled_tokens", execution.prefilled_tokens}};
}

Execution ReadExecution(const Json& json) {
  if (!json.is_object()) Throw("executions", json, "objects");
  Execution execution;
  execution.code_block = Count<std::size_t>(json, "code_block");
  execution.verdict = Named(json, "verdict", ExecutionVerdictFromName);
  execution.detail = String(json, "detail");
  execution.truncated = Bool(json, "truncated");
  execution.wall = Micros(json, "wall_us");
  execution.prefilled_tokens = Count<std::size_t>(json, "prefilled_tokens");
  return execution;
}

// Roles come in long runs: [["system", 12], ["text", 40], ...].
Json RolesJson(const std::vector<TokenRole>& roles) {
  Json runs = Json::array();
  for (std::size_t i = 0; i < roles.size();) {
    std::size_t end = i;
    while (end < roles.size() && roles[end] == roles[i]) ++end;
    runs.push_back(Json::array({std::string(Name(roles[i])), end - i}));
    i = end;
  }
  return runs;
}

std::vector<TokenRole> ReadRoles(const Json& runs, std::size_t expected) {
  std::vector<TokenRole> roles;
  for (const Json& run : runs) {
    const bool pair = run.is_array() && run.size() == 2 && run[0].is_string() && run[1].is_number_unsigned();
    const auto role = pair ? TokenRoleFromName(run[0].get<std::string>()) : std::nullopt;
    if (!role) Throw("token_roles", run, "[role, count]");
    if (run[1].get<std::uint64_t>() > expected - roles.size()) break;
    roles.insert(roles.end(), run[1].get<std::size_t>(), *role);
  }
  if (roles.size() != expected)
    throw Wrong("field 'mathcoder.token_roles' does not give one role for each of the " + std::to_string(expected) + " token_ids");
  return roles;
}

}  // namespace

std::string Describe(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "an array of " + std::to_string(value.size());
    case Json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case Json::value_t::string: {
      std::string text = base::Dump(value);
      constexpr std::size_t kLongest = 40;
      if (text.size() > kLongest) {
        std::size_t end = kLongest;
        while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
        text = text.substr(0, end) + "...";
      }
      return "a string (" + text + ")";
    }
    default:
      return "a number (" + base::Dump(value) + ")";
  }
}

Failure WrongField(const std::string& name, const Json& found, const std::string& expected) {
  return {"field '" + name + "' holds " + Describe(found) + ", expected " + expected};
}

base::Result<std::string> TextOfContent(const Json& content, const std::string& name) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return WrongField(name, content, "a string or a list of {\"type\": \"text\", \"content\": ...}");
  std::string text;
  for (const Json& part : content) {
    if (!part.is_object()) return WrongField(name, part, "objects {\"type\": \"text\", \"content\": ...} in the list");
    const auto type = part.find("type");
    if (type != part.end() && *type != "text") return WrongField(name + ".type", *type, "\"text\": only text can be solved");
    const auto found = part.find("content") != part.end() ? part.find("content") : part.find("text");
    if (found == part.end()) return Failure{"a part of '" + name + "' has neither 'content' nor 'text'"};
    if (!found->is_string()) return WrongField(name + ".content", *found, "a string");
    text += found->get<std::string>();
  }
  return text;
}

base::Result<Messages> ReadMessages(const Json& messages) {
  if (!messages.is_array()) return WrongField("messages", messages, "a list of {\"role\", \"content\"}");
  Messages result;
  bool asked = false;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string where = "messages[" + std::to_string(i) + "]";
    const Json& message = messages[i];
    if (!message.is_object()) return WrongField(where, message, "an object {\"role\", \"content\"}");
    const auto role = message.find("role");
    const auto content = message.find("content");
    if (role == message.end()) return Failure{"field '" + where + ".role' is missing"};
    if (content == message.end()) return Failure{"field '" + where + ".content' is missing"};
    if (*role == "assistant") {
      if (result.assistant == nullptr) result.assistant = &*content;
      continue;
    }
    const bool system = *role == "system" || *role == "developer";
    if (!system && *role != "user") return WrongField(where + ".role", *role, "\"system\", \"user\" or \"assistant\"");
    if (system ? result.system.has_value() : asked) {
      return Failure{"field 'messages' has more than one " + std::string(system ? "system" : "user") +
                     " message; one question a record is solved"};
    }
    base::Result<std::string> text = TextOfContent(*content, where + ".content");
    if (!text) return Failure{text.error()};
    (system ? result.system.emplace() : result.question) = std::move(text).value();
    asked = asked || !system;
  }
  if (!asked) return Failure{"field 'messages' has no message of role \"user\""};
  return result;
}

Json WriteOwnPart(const Transcript& transcript) {
  Json executions = Json::array();
  for (const Execution& execution : transcript.executions) executions.push_back(ExecutionJson(execution));
  const Timings& timings = transcript.timings;
  const Provenance& provenance = transcript.provenance;
  return {
      {"sample", transcript.sample},
      {"ending", std::string(Name(transcript.ending))},
      {"ending_detail", transcript.ending_detail},
      {"executions", std::move(executions)},
      {"token_ids", transcript.token_ids},
      {"token_roles", RolesJson(transcript.token_roles)},
      {"timings",
       {{"total_us", timings.total.count()},
        {"generate_us", timings.generate.count()},
        {"execute_us", timings.execute.count()},
        {"prompt_tokens", timings.prompt_tokens},
        {"generated_tokens", timings.generated_tokens},
        {"observation_tokens", timings.observation_tokens}}},
      {"provenance",
       {{"program", provenance.program},
        {"engine", provenance.engine},
        {"model", provenance.model},
        {"model_sha256", provenance.model_sha256},
        {"dialect", provenance.dialect},
        {"observation_policy", provenance.observation_policy},
        {"sandbox_tier", provenance.sandbox_tier},
        {"library_set", provenance.library_set},
        {"sampling", provenance.sampling},
        {"settings", provenance.settings}}},
  };
}

std::optional<Failure> ReadOwnPart(const Json& own, Transcript* transcript) {
  if (!own.is_object()) return WrongField("mathcoder", own, "an object");
  try {
    transcript->sample = Count<std::uint32_t>(own, "sample");
    transcript->ending = Named(own, "ending", EndingFromName);
    transcript->ending_detail = String(own, "ending_detail");
    for (const Json& execution : Typed(own, "executions", Json::value_t::array, "a list")) {
      transcript->executions.push_back(ReadExecution(execution));
    }
    for (const Json& id : Typed(own, "token_ids", Json::value_t::array, "a list")) {
      if (!id.is_number_integer()) Throw("token_ids", id, "integers");
      transcript->token_ids.push_back(id.get<TokenId>());
    }
    transcript->token_roles =
        ReadRoles(Typed(own, "token_roles", Json::value_t::array, "a list of [role, count]"), transcript->token_ids.size());
    const Json& timings = Typed(own, "timings", Json::value_t::object, "an object");
    transcript->timings = {Micros(timings, "total_us"),
                           Micros(timings, "generate_us"),
                           Micros(timings, "execute_us"),
                           Count<std::size_t>(timings, "prompt_tokens"),
                           Count<std::size_t>(timings, "generated_tokens"),
                           Count<std::size_t>(timings, "observation_tokens")};
    const Json& provenance = Typed(own, "provenance", Json::value_t::object, "an object");
    transcript->provenance = {String(provenance, "program"),      String(provenance, "engine"),
                              String(provenance, "model"),        String(provenance, "model_sha256"),
                              String(provenance, "dialect"),      String(provenance, "observation_policy"),
                              String(provenance, "sandbox_tier"), String(provenance, "library_set"),
                              Member(provenance, "sampling"),     Member(provenance, "settings")};
  } catch (const Wrong& wrong) {
    return Failure{wrong.what()};
  }
  return std::nullopt;
}

}  // namespace mathcoder::chat
