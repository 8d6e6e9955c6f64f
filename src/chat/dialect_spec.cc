#include "chat/dialect_spec.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <initializer_list>

#include "base/error.h"

namespace mathcoder::chat {
namespace {

class Parser {
 public:
  explicit Parser(const std::string& where) : where_(where) {}

  [[noreturn]] void Fail(const YAML::Node& node, const std::string& what) const { Fail(node.Mark(), what); }
  [[noreturn]] void Fail(const YAML::Mark& mark, const std::string& what) const {
    const int line = mark.is_null() ? 1 : mark.line + 1;
    throw base::BadInput(where_ + ":" + std::to_string(line) + ": " + what);
  }

  void KnownKeys(const YAML::Node& map, const std::string& what, std::initializer_list<std::string_view> known) const {
    if (!map.IsMap()) Fail(map, what + " must be a map");
    for (const auto& entry : map) {
      if (!entry.first.IsScalar() || std::find(known.begin(), known.end(), entry.first.Scalar()) == known.end()) {
        std::string list;
        for (const std::string_view key : known) list += (list.empty() ? "" : ", ") + std::string(key);
        Fail(entry.first, what + " has an unknown key" + (entry.first.IsScalar() ? " '" + entry.first.Scalar() + "'" : "") +
                              "; known are " + list);
      }
    }
  }

  std::string Text(const YAML::Node& map, const char* key, bool required) const {
    const YAML::Node node = map[key];
    if (!node) {
      if (required) Fail(map, std::string("'") + key + "' is missing");
      return "";
    }
    if (!node.IsScalar()) Fail(node, std::string("'") + key + "' must be a string");
    return node.Scalar();
  }

  std::vector<std::string> Texts(const YAML::Node& map, const char* key) const {
    const YAML::Node node = map[key];
    std::vector<std::string> texts;
    if (!node) return texts;
    const auto add = [&](const YAML::Node& item) {
      if (!item.IsScalar() || item.Scalar().empty()) Fail(item, std::string("'") + key + "' must hold strings that are not empty");
      texts.push_back(item.Scalar());
    };
    if (node.IsSequence()) {
      for (const auto& item : node) add(item);
    } else {
      add(node);
    }
    return texts;
  }

  BlockMarks Marks(const YAML::Node& root, const char* key) const {
    const YAML::Node node = root[key];
    BlockMarks marks;
    if (!node) return marks;
    KnownKeys(node, key, {"open", "close", "also_closed_by", "fence"});
    marks.fences = Texts(node, "fence");
    if (marks.fences.empty()) {
      marks.open = Text(node, "open", true);
      marks.close = Text(node, "close", true);
      marks.also_closed_by = Texts(node, "also_closed_by");
    } else {
      if (node["open"] || node["also_closed_by"]) Fail(node, std::string("'") + key + "' has 'fence' and marks: choose one");
      marks.fence_close = Text(node, "close", true);
      if (marks.fence_close.empty() || marks.fence_close.find('\n') != std::string::npos) {
        Fail(node["close"], "the close of a fence must be one line that is not empty");
      }
      for (const std::string& fence : marks.fences) {
        if (fence.find('\n') != std::string::npos) Fail(node["fence"], "a fence is one line, its newline is implied");
      }
    }
    return marks;
  }

 private:
  const std::string& where_;
};

bool IsOneOf(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

void Check(const Parser& parser, const YAML::Node& root, const DialectSpec& spec) {
  if (spec.name.empty()) parser.Fail(root["name"], "'name' is empty");
  for (const char* key : {"prompt", "prompt_without_system"}) {
    const std::string& text = std::string_view(key) == "prompt" ? spec.prompt : spec.prompt_without_system;
    if (root[key] && text.find("{question}") == std::string::npos) {
      parser.Fail(root[key], std::string("'") + key + "' has no {question}");
    }
  }
  std::vector<std::string> control = spec.control;
  control.insert(control.end(), spec.optional_control.begin(), spec.optional_control.end());
  const auto one_control = [&](const std::string& text, const YAML::Node& node, const std::string& what) {
    if (!IsOneOf(control, text)) parser.Fail(node, what + " '" + text + "' must be one of the tokens under 'control'");
  };
  one_control(spec.message_end, root["message_end"], "'message_end'");
  const YAML::Node code = root["code"];
  if (!code) parser.Fail(root, "'code' is missing");
  if (!root["execution"]) parser.Fail(root, "'execution' is missing");
  if (spec.fenced() == spec.execution.fences.empty()) {
    parser.Fail(root["execution"], "'code' and 'execution' must both be fences, or both have marks");
  }
  if (spec.fenced()) {
    if (!spec.text.open.empty() || !spec.text.close.empty() || !spec.text.fences.empty()) {
      parser.Fail(root["text"], "'text' has no marks where code is a fence");
    }
    if (spec.execution.fences.size() != 1) parser.Fail(root["execution"], "'execution' must have one fence");
    return;
  }
  one_control(spec.code.open, code["open"], "'open' of code");
  one_control(spec.code.close, code["close"], "'close' of code");
  for (const std::string& text : spec.code.also_closed_by) one_control(text, code["also_closed_by"], "'also_closed_by' of code");
  if (!spec.text.open.empty()) one_control(spec.text.open, root["text"]["open"], "'open' of text");
  if (!spec.text.close.empty()) one_control(spec.text.close, root["text"]["close"], "'close' of text");
}

}  // namespace

DialectSpec ParseDialect(std::string_view yaml, const std::string& where) {
  const Parser parser(where);
  YAML::Node root;
  try {
    root = YAML::Load(std::string(yaml));
  } catch (const YAML::Exception& error) {
    parser.Fail(error.mark, error.msg);
  }
  if (!root.IsMap()) parser.Fail(root, "a dialect is a map (name, control, prompt, code, execution, ...)");
  parser.KnownKeys(root, "a dialect",
                   {"name", "system", "control", "optional_control", "prompt", "prompt_without_system", "text", "code", "execution",
                    "message_end", "detect"});
  DialectSpec spec;
  spec.name = parser.Text(root, "name", true);
  spec.system = parser.Text(root, "system", false);
  spec.control = parser.Texts(root, "control");
  spec.optional_control = parser.Texts(root, "optional_control");
  spec.prompt = parser.Text(root, "prompt", true);
  spec.prompt_without_system = parser.Text(root, "prompt_without_system", false);
  spec.text = parser.Marks(root, "text");
  spec.code = parser.Marks(root, "code");
  spec.execution = parser.Marks(root, "execution");
  spec.message_end = parser.Text(root, "message_end", true);
  if (const YAML::Node detect = root["detect"]) {
    if (!detect.IsSequence()) parser.Fail(detect, "'detect' must be a list");
    for (const auto& rule : detect) {
      parser.KnownKeys(rule, "a rule of 'detect'", {"specials", "template", "name"});
      spec.detect.push_back({parser.Texts(rule, "specials"), parser.Texts(rule, "template"), parser.Text(rule, "name", false)});
      if (rule.size() == 0) parser.Fail(rule, "a rule of 'detect' is empty and would fit every model");
    }
  }
  Check(parser, root, spec);
  return spec;
}

std::vector<Segment> SplitControl(std::string_view text, const std::vector<std::string>& control, TokenRole role) {
  std::vector<Segment> segments;
  std::string plain;
  const auto flush = [&] {
    if (!plain.empty()) segments.push_back({std::exchange(plain, {}), role, false});
  };
  for (std::size_t i = 0; i < text.size();) {
    const std::string* longest = nullptr;
    for (const std::string& token : control) {
      if (text.substr(i).starts_with(token) && (longest == nullptr || token.size() > longest->size())) longest = &token;
    }
    if (longest != nullptr) {
      flush();
      segments.push_back({*longest, role, true});
      i += longest->size();
    } else {
      plain.push_back(text[i++]);
    }
  }
  flush();
  return segments;
}

}  // namespace mathcoder::chat
