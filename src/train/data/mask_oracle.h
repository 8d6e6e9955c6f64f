// The slow, obvious way from a raw record of the published outputs to the bytes that a model sees and who wrote each: only tests
// link it, and it shares nothing with BuildExample, the dialects or the readers of records.
#pragma once

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "chat/transcript.h"

namespace mathcoder::train::testing {

// A byte of the text. The bytes of a control token all carry its number; plain text has none (-1).
struct OracleByte {
  char byte;
  chat::TokenRole role;
  int control;
};

// How a dialect writes, in plain words: "{...}" stands for a control token.
struct OracleForm {
  std::string before_system, between, after_question;
  std::string text_open, text_close, code_open, code_close, output_open, output_close, end;
};

class Oracle {
 public:
  explicit Oracle(OracleForm form) : form_(std::move(form)) {}

  std::vector<OracleByte> Of(const base::Json& record) {
    using chat::TokenRole;
    bytes_.clear();
    controls_ = 0;
    Marks(form_.before_system, TokenRole::kTemplate);
    Plain(record["messages"][0]["content"][0]["content"].get<std::string>(), TokenRole::kSystem);
    Marks(form_.between, TokenRole::kTemplate);
    Plain(record["messages"][1]["content"][0]["content"].get<std::string>(), TokenRole::kUser);
    Marks(form_.after_question, TokenRole::kTemplate);
    std::vector<std::pair<std::string, std::string>> entries;
    std::size_t written = 0;
    for (const base::Json& entry : record["debug_result"]) {
      const std::string kind = entry.contains("role") ? entry["role"] : entry["type"];
      if (kind == "system" || kind == "user") continue;
      entries.emplace_back(kind, entry["content"]);
      written += kind != "execution" ? 1 : 0;
    }
    // docs/formats.md: a message of 32 texts and codes was cut; any other ended, and its answer was appended as one more text.
    const bool ended = written != 32;
    if (ended) entries.pop_back();
    for (const auto& [kind, content] : entries) {
      const bool code = kind == "code";
      const bool output = kind == "execution";
      const TokenRole role = code ? TokenRole::kCode : output ? TokenRole::kExecution : TokenRole::kText;
      Marks(code ? form_.code_open : output ? form_.output_open : form_.text_open, role);
      Plain(output ? Observed(content) : content, role);
      std::string close = code ? form_.code_close : output ? form_.output_close : form_.text_close;
      if (code && content.empty() && close.starts_with("\n")) close.erase(0, 1);  // a fence right under the other
      Marks(close, role);
    }
    if (ended) Marks(form_.end, !entries.empty() && entries.back().first == "code" ? TokenRole::kCode : TokenRole::kText);
    return bytes_;
  }

  // docs/formats.md, "Observations", policy mathcoder.
  static std::string Observed(const std::string& raw) {
    std::string text;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\x1b' && i + 1 < raw.size() && raw[i + 1] == '[') {
        i += 2;
        while (i < raw.size() && std::isalpha(static_cast<unsigned char>(raw[i])) == 0) ++i;
        continue;
      }
      text += raw[i];
    }
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.pop_back();
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.erase(0, 1);
    std::string cut;
    std::size_t decimals = 0;  // digits behind the point that is being read; 0 outside
    bool behind = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool digit = std::isdigit(static_cast<unsigned char>(text[i])) != 0;
      if (behind && digit) {
        if (++decimals > 6) continue;
      } else {
        behind = text[i] == '.' && i > 0 && std::isdigit(static_cast<unsigned char>(text[i - 1])) != 0;
        decimals = 0;
      }
      cut += text[i];
    }
    if (cut.empty()) return "<empty_execution>";
    if (cut.size() <= 4096) return cut;
    const auto elision = [](std::size_t n) { return "\n... " + std::to_string(n) + " characters left out ...\n"; };
    const std::size_t room = 4096 - elision(cut.size()).size();
    std::size_t head = room / 2;
    std::size_t tail = cut.size() - (room - head);
    const auto inside = [&](std::size_t at) { return (static_cast<unsigned char>(cut[at]) & 0xC0) == 0x80; };
    while (inside(head)) --head;
    while (inside(tail)) ++tail;
    std::size_t characters = 0;
    for (std::size_t i = head; i < tail; ++i) characters += inside(i) ? 0 : 1;
    return cut.substr(0, head) + elision(characters) + cut.substr(tail);
  }

 private:
  void Plain(std::string_view text, chat::TokenRole role) {
    for (const char byte : text) bytes_.push_back({byte, role, -1});
  }
  void Marks(std::string_view marks, chat::TokenRole role) {
    for (std::size_t i = 0; i < marks.size(); ++i) {
      if (marks[i] != '{') {
        bytes_.push_back({marks[i], role, -1});
        continue;
      }
      for (++i; marks[i] != '}'; ++i) bytes_.push_back({marks[i], role, controls_});
      ++controls_;
    }
  }

  const OracleForm form_;
  std::vector<OracleByte> bytes_;
  int controls_ = 0;
};

inline OracleForm MathCoderForm() {
  return {.before_system = "{<|system|>}{<|text|>}",
          .between = "{<|endofblock|>}{<|endofmessage|>}{<|user|>}{<|text|>}",
          .after_question = "{<|endofblock|>}{<|endofmessage|>}{<|assistant|>}",
          .text_open = "{<|text|>}",
          .text_close = "{<|endofblock|>}",
          .code_open = "{<|code|>}",
          .code_close = "{<|endofblock|>}",
          .output_open = "{<|execution|>}",
          .output_close = "{<|endofblock|>}",
          .end = "{<|endofmessage|>}"};
}

inline OracleForm Llama3Form() {
  return {.before_system = "{<|start_header_id|>}system{<|end_header_id|>}\n\nEnvironment: ipython\n\n",
          .between = "{<|eot_id|>}{<|start_header_id|>}user{<|end_header_id|>}\n\n",
          .after_question = "{<|eot_id|>}{<|start_header_id|>}assistant{<|end_header_id|>}\n\n",
          .code_open = "{<|python_tag|>}",
          .code_close = "{<|eom_id|>}",
          .output_open = "{<|start_header_id|>}ipython{<|end_header_id|>}\n\n",
          .output_close = "{<|eot_id|>}{<|start_header_id|>}assistant{<|end_header_id|>}\n\n",
          .end = "{<|eot_id|>}"};
}

inline OracleForm QwenForm() {
  return {.before_system = "{<|im_start|>}system\n",
          .between = "{<|im_end|>}\n{<|im_start|>}user\n",
          .after_question = "{<|im_end|>}\n{<|im_start|>}assistant\n",
          .text_close = "\n",
          .code_open = "```python\n",
          .code_close = "\n```\n",
          .output_open = "```output\n",
          .output_close = "\n```\n",
          .end = "{<|im_end|>}"};
}

}  // namespace mathcoder::train::testing
