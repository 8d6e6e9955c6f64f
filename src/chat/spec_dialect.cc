// The one implementation of Dialect: renders and reads what a DialectSpec says.
#include "chat/spec_dialect.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "chat/dialect_spec.h"
#include "chat/readers.h"

namespace mathcoder::chat {
namespace {

std::vector<std::string> AllControl(const DialectSpec& spec) {
  std::vector<std::string> all = spec.control;
  all.insert(all.end(), spec.optional_control.begin(), spec.optional_control.end());
  return all;
}

class SpecDialect final : public Dialect {
 public:
  explicit SpecDialect(DialectSpec spec) : spec_(std::move(spec)), control_(AllControl(spec_)) {}

  const std::string& name() const override { return spec_.name; }
  const std::string& default_system() const override { return spec_.system; }
  std::vector<std::string> special_strings() const override { return control_; }

  std::vector<Segment> RenderPrompt(const Problem& problem) const override {
    const std::string& system = problem.system ? *problem.system : spec_.system;
    const std::string& form = system.empty() && !spec_.prompt_without_system.empty() ? spec_.prompt_without_system : spec_.prompt;
    std::vector<Segment> segments;
    // Placeholders first: what stands in the messages is never read as a control token or a placeholder.
    for (std::size_t i = 0; i < form.size();) {
      constexpr std::string_view kSystem = "{system}";
      constexpr std::string_view kQuestion = "{question}";
      const std::size_t next = std::min(form.find(kSystem, i), form.find(kQuestion, i));
      Add(SplitControl(std::string_view(form).substr(i, next - i), control_, TokenRole::kTemplate), &segments);
      if (next == std::string::npos) break;
      const bool is_system = std::string_view(form).substr(next).starts_with(kSystem);
      Add({{is_system ? system : problem.question, is_system ? TokenRole::kSystem : TokenRole::kUser, false}}, &segments);
      i = next + (is_system ? kSystem.size() : kQuestion.size());
    }
    return segments;
  }

  std::vector<Segment> RenderObservation(std::string_view observation) const override {
    return RenderMarked(spec_.execution, observation, TokenRole::kExecution);
  }

  std::vector<Segment> RenderBlock(const Block& block) const override {
    switch (block.kind) {
      case BlockKind::kExecution:
        return RenderObservation(block.text);
      case BlockKind::kCode:
        return RenderMarked(spec_.code, block.text, TokenRole::kCode);
      case BlockKind::kText:
        break;
    }
    if (!spec_.fenced()) return RenderMarked(spec_.text, block.text, TokenRole::kText);
    return {{block.text + "\n", TokenRole::kText, false}};
  }

  std::vector<Segment> RenderMessageEnd() const override { return {{spec_.message_end, TokenRole::kText, true}}; }

  void CheckVocabulary(const Tokenizer& tokenizer) const override {
    std::string missing;
    for (const std::string& text : spec_.control) {
      if (!tokenizer.Special(text)) missing += (missing.empty() ? "" : ", ") + text;
    }
    if (missing.empty()) return;
    throw base::BadInput("the model's vocabulary has no control token " + missing + ", which dialect '" + spec_.name +
                         "' writes; choose another dialect (--dialect) or another model");
  }

  StopRule Stops(const Tokenizer& tokenizer) const override {
    StopRule rule;
    const auto add = [&](const std::string& text) {
      const auto id = tokenizer.Special(text);
      if (id && std::find(rule.tokens.begin(), rule.tokens.end(), *id) == rule.tokens.end()) rule.tokens.push_back(*id);
    };
    if (spec_.fenced()) {
      for (const std::string& fence : spec_.code.fences) rule.fences.push_back({fence, spec_.code.fence_close});
      rule.fences.push_back({spec_.execution.fences.front(), ""});
    }
    // Of the control tokens only the opening ones of text and code are for the model to go on after; the others end a block,
    // forge an output or begin a turn that is not the model's.
    for (const std::string& text : control_) {
      if (text != spec_.text.open && text != spec_.code.open) add(text);
    }
    return rule;
  }

  std::unique_ptr<BlockReader> NewReader(const Tokenizer& tokenizer) const override {
    return spec_.fenced() ? NewFenceReader(spec_, tokenizer) : NewMarkerReader(spec_, tokenizer);
  }

 private:
  static void Add(std::vector<Segment> more, std::vector<Segment>* segments) {
    for (Segment& segment : more) {
      if (!segment.text.empty()) segments->push_back(std::move(segment));
    }
  }

  std::vector<Segment> RenderMarked(const BlockMarks& marks, std::string_view text, TokenRole role) const {
    std::vector<Segment> segments;
    if (!marks.fences.empty()) {
      std::string block = marks.fences.front() + "\n";
      block += text;
      if (!text.empty() || role == TokenRole::kExecution) block += "\n";
      return {{block + marks.fence_close + "\n", role, false}};
    }
    Add(SplitControl(marks.open, control_, role), &segments);
    Add({{std::string(text), role, false}}, &segments);
    Add(SplitControl(marks.close, control_, role), &segments);
    return segments;
  }

  const DialectSpec spec_;
  const std::vector<std::string> control_;
};

}  // namespace

std::shared_ptr<const Dialect> MakeDialect(DialectSpec spec) { return std::make_shared<SpecDialect>(std::move(spec)); }

}  // namespace mathcoder::chat
