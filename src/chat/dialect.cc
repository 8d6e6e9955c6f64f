#include "chat/dialect.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"
#include "chat/dialect_spec.h"
#include "chat/spec_dialect.h"

namespace mathcoder::chat {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& byte : lower) byte = static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
  return lower;
}

bool Fits(const DetectRule& rule, const ModelHints& hints, const Tokenizer& tokenizer) {
  const auto special = [&](const std::string& text) { return tokenizer.Special(text).has_value(); };
  const auto in_template = [&](const std::string& text) { return hints.chat_template.find(text) != std::string::npos; };
  return std::all_of(rule.specials.begin(), rule.specials.end(), special) &&
         std::all_of(rule.in_template.begin(), rule.in_template.end(), in_template) &&
         Lower(hints.name).find(Lower(rule.in_name)) != std::string::npos;
}

std::shared_ptr<const Dialect> MakeBuiltIn(const BuiltInDialect& file) {
  return MakeDialect(ParseDialect(file.yaml, "built-in dialect " + std::string(file.name)));
}

const BuiltInDialect* FindBuiltIn(std::string_view name) {
  for (const BuiltInDialect& file : BuiltInDialectFiles()) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

}  // namespace

TokenTrace Dialect::Encode(const Tokenizer& tokenizer, const std::vector<Segment>& segments, bool begin_of_text) const {
  TokenTrace trace;
  const auto add = [&trace](TokenId id, TokenRole role) {
    trace.ids.push_back(id);
    trace.roles.push_back(role);
  };
  if (begin_of_text) {
    if (const auto bos = tokenizer.Bos()) add(*bos, TokenRole::kTemplate);
  }
  for (std::size_t i = 0; i < segments.size();) {
    if (segments[i].special) {
      const auto id = tokenizer.Special(segments[i].text);
      if (!id) {
        throw base::BadInput("the model's vocabulary has no control token " + segments[i].text + ", which dialect '" + name() +
                             "' writes; choose another dialect (--dialect) or another model");
      }
      add(*id, segments[i++].role);
      continue;
    }
    // Neighbouring plain texts are one text to the tokenizer, as they were when the model was trained. A token gets the role
    // of its first byte.
    std::string text;
    std::vector<std::pair<std::size_t, TokenRole>> ends;
    for (; i < segments.size() && !segments[i].special; ++i) {
      text += segments[i].text;
      ends.emplace_back(text.size(), segments[i].role);
    }
    std::size_t position = 0;
    std::size_t part = 0;
    for (const TokenId id : tokenizer.Encode(text)) {
      while (part + 1 < ends.size() && position >= ends[part].first) ++part;
      add(id, ends[part].second);
      position += ends.size() == 1 ? 0 : tokenizer.Piece(id).size();
    }
  }
  return trace;
}

std::vector<std::string> BuiltInDialects() { return {"mathcoder", "tora", "qwen-math", "chatml", "llama3"}; }

std::shared_ptr<const Dialect> LoadDialect(std::string_view name_or_path) {
  if (const BuiltInDialect* file = FindBuiltIn(name_or_path)) return MakeBuiltIn(*file);
  const std::filesystem::path path(name_or_path);
  std::error_code ignored;
  const bool is_path = name_or_path.find('/') != std::string_view::npos || name_or_path.ends_with(".yaml") ||
                       name_or_path.ends_with(".yml") || std::filesystem::is_regular_file(path, ignored);
  if (is_path) return MakeDialect(ParseDialect(base::ReadFile(path), path.string()));
  std::string all;
  for (const std::string& name : BuiltInDialects()) all += (all.empty() ? "" : ", ") + name;
  const std::string nearest = base::Nearest(name_or_path, BuiltInDialects());
  throw base::BadInput("there is no dialect '" + std::string(name_or_path) + "'" +
                       (nearest.empty() ? "" : "; did you mean '" + nearest + "'?") + " Built in are " + all +
                       "; a file of your own is given by its path (name.yaml)");
}

std::shared_ptr<const Dialect> DetectDialect(const ModelHints& hints, const Tokenizer& tokenizer) {
  if (const BuiltInDialect* file = FindBuiltIn(hints.dialect)) return MakeBuiltIn(*file);
  // The files come from the most particular to the most general; rules on special tokens stand before rules on the chat template.
  for (const bool by_template : {false, true}) {
    for (const BuiltInDialect& file : BuiltInDialectFiles()) {
      const DialectSpec spec = ParseDialect(file.yaml, "built-in dialect " + std::string(file.name));
      for (const DetectRule& rule : spec.detect) {
        if (rule.in_template.empty() != by_template && Fits(rule, hints, tokenizer)) return MakeBuiltIn(file);
      }
    }
  }
  return nullptr;
}

}  // namespace mathcoder::chat
