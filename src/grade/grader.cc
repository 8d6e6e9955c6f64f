// Grader: the answer, both readings, one comparison under the policy, and what to say about it.
#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grade/boxes.h"
#include "grade/cues.h"
#include "grade/grade.h"
#include "grade/published.h"
#include "grade/words.h"
#include "math/read.h"

namespace mathcoder::grade {
namespace {

using math::Equality;
using math::Expr;
using math::Kind;
using Clock = std::chrono::steady_clock;

// Blanks and frames do not count between two texts that are the same.
std::string Plain(std::string_view text) {
  std::string plain;
  for (const char byte : WithoutFrame(text)) {
    if (!IsBlank(byte)) plain += byte;
  }
  return plain;
}

// The letter of a choice: "C", "(C)", "C.", "\text{(C)}", "(C) 12 cm", "C. 12 cm"; 0: none. `alone`: nothing may follow the letter.
char ChoiceLetter(std::string_view text, bool alone) {
  text = WithoutFrame(text);
  for (const std::string_view command : {"\\text{", "\\textbf{", "\\mathrm{", "\\mathbf{"}) {
    if (text.starts_with(command) && text.find('}') != std::string_view::npos) {
      const std::size_t close = text.find('}');
      if (alone && close + 1 != text.size()) return 0;
      text = Trim(text.substr(command.size(), close - command.size()));
      break;
    }
  }
  const bool open = text.starts_with("(");
  if (open) text.remove_prefix(1);
  if (text.empty() || text[0] < 'A' || text[0] > 'J') return 0;
  const char letter = text[0];
  std::string_view rest = text.substr(1);
  if (open) {
    if (!rest.starts_with(")")) return 0;
    rest.remove_prefix(1);
  } else if (rest.starts_with(".") || rest.starts_with(")") || rest.starts_with(":")) {
    rest.remove_prefix(1);
    if (!rest.empty() && !IsBlank(rest[0])) return 0;
  } else if (!rest.empty()) {
    return 0;
  }
  return !alone || Trim(rest).empty() ? letter : 0;
}

// Behind the marker of a choice: "(b) -1/2" and "B. -1/2" say -1/2. Empty where there is no marker or nothing behind it.
std::string_view BehindChoice(std::string_view text) {
  text = WithoutFrame(text);
  const bool open = text.starts_with("(");
  const std::size_t letter = open ? 1 : 0;
  if (text.size() < letter + 3 || LowerByte(text[letter]) < 'a' || LowerByte(text[letter]) > 'j') return {};
  const char close = text[letter + 1];
  const bool marker = open ? close == ')' : (close == '.' || close == ')') && IsBlank(text[letter + 2]);
  return marker ? Trim(text.substr(letter + 2)) : std::string_view();
}

// "30 \text{ (with a remainder of } 0 \text{)}" and "12 (twelve of them)" say 30 and 12: the part before a remark in words. Empty
// where there is none.
std::string_view BeforeRemark(std::string_view text) {
  text = WithoutFrame(text);
  if (!text.ends_with(")") && !text.ends_with(")}")) return {};
  const std::size_t remark = std::min({text.find("\\text{ ("), text.find("\\text{("), text.find(" (")});
  if (remark == std::string_view::npos || remark == 0 || !HoldsWords(text.substr(remark))) return {};
  return Trim(text.substr(0, remark));
}

// "6 4 0": numbers with nothing but blanks between them are a sequence, whose order counts.
bool IsSequence(std::string_view text) {
  int numbers = 0;
  for (text = Trim(text); !text.empty(); text = Trim(text)) {
    std::size_t size = text[0] == '-' ? 1 : 0;
    const std::size_t digits = size;
    while (size < text.size() && (IsDigit(text[size]) || text[size] == '.' || text[size] == '/')) ++size;
    if (size == digits || (size < text.size() && !IsBlank(text[size]))) return false;
    text.remove_prefix(size);
    ++numbers;
  }
  return numbers > 1;
}

std::string Position(const math::ReadError& error) { return "at byte " + std::to_string(error.position) + ": " + error.message; }

}  // namespace

struct Grader::State {
  explicit State(Options given) : options(std::move(given)), comparer({.deadline = options.deadline, .workers = options.workers}) {}

  Verdict Published(std::string_view reference, std::string_view completion) const {
    const PublishedVerdict published = GradePublished(reference, completion, {.drop_letters = options.policy.drop_letters});
    Verdict verdict;
    verdict.outcome = published.correct ? Outcome::kCorrect : published.rule == "empty" ? Outcome::kNoAnswer : Outcome::kWrong;
    verdict.equality = published.correct ? Equality::kEqual : Equality::kDifferent;
    verdict.rule = "published: " + published.rule;
    verdict.reason = "'" + published.reference + "' and '" + published.answer + "', " + published.rule;
    verdict.answer = {published.answer, "published"};
    return verdict;
  }

  // Everything but the cost.
  Verdict Judge(std::string_view reference, FinalAnswer answer) const {
    Verdict verdict;
    verdict.answer = std::move(answer);
    const std::string_view text = verdict.answer.text;
    const auto decide = [&](Outcome outcome, Equality equality, std::string rule, std::string reason) {
      verdict.outcome = outcome;
      verdict.equality = equality;
      verdict.rule = std::move(rule);
      verdict.reason = std::move(reason);
    };
    std::string boxed;
    if (const auto box = AnswerInBoxes(reference)) reference = boxed = box->text;
    if (Trim(text).empty()) {
      decide(Outcome::kNoAnswer, Equality::kUnknown, "no answer", "no answer was found");
      return verdict;
    }
    if (!Trim(reference).empty() && Plain(reference) == Plain(text)) {
      decide(Outcome::kCorrect, Equality::kEqual, "same text", "written alike");
      return verdict;
    }
    if (options.policy.choice_letters) {
      const char gold = ChoiceLetter(reference, true);
      const char given = gold != 0 ? ChoiceLetter(text, false) : 0;
      if (given != 0) {
        const bool same = gold == given;
        decide(same ? Outcome::kCorrect : Outcome::kWrong, same ? Equality::kEqual : Equality::kDifferent, "choice",
               std::string("choice ") + gold + (same ? "" : std::string(" against ") + given));
        return verdict;
      }
    }
    const math::ReadResult right = math::ReadMath(text);
    if (!right.ok()) {
      decide(Outcome::kWrong, Equality::kUnknown, "not read", "the answer cannot be read, " + Position(right.error()));
      return verdict;
    }
    if (Trim(reference).empty()) {
      decide(Outcome::kUnknown, Equality::kUnknown, "no reference",
             "the reference is empty; the answer reads as " + math::ToSexpr(right.expr()));
      return verdict;
    }
    const math::ReadResult left = math::ReadMath(reference);
    if (!left.ok()) {
      decide(Outcome::kUnknown, Equality::kUnknown, "reference not read",
             "the reference cannot be read, " + Position(left.error()));
      return verdict;
    }
    math::CompareOptions how = options.policy.compare;
    if (IsSequence(reference)) how.ordered_lists = true;
    Settle(verdict, left.expr(), right.expr(), how);
    if (verdict.outcome == Outcome::kCorrect) return verdict;
    const auto accept = [&](std::string_view part, const char* rule, const char* reason) {
      if (part.empty() || verdict.outcome == Outcome::kCorrect) return;
      const math::ReadResult read = math::ReadMath(part);
      if (read.ok() && comparer.Compare(left.expr(), read.expr(), how).equality == Equality::kEqual) {
        decide(Outcome::kCorrect, Equality::kEqual, rule, reason);
      }
    };
    if (options.policy.choice_letters) accept(BehindChoice(text), "behind choice", "the choice's value is the reference");
    accept(BeforeRemark(text), "before remark", "the value before a remark is the reference");
    // "The function is even." for "even": words are looked into only when they would be wrong as a whole.
    if (const auto stated = AnswerOfSentence(text); stated && HoldsWords(text))
      accept(*stated, "end of sentence", "the sentence ends in the reference");
    return verdict;
  }

  static Outcome OutcomeOf(Equality equality) {
    switch (equality) {
      case Equality::kEqual:
      case Equality::kProbablyEqual:
        return Outcome::kCorrect;
      case Equality::kDifferent:
        return Outcome::kWrong;
      case Equality::kUnknown:
        return Outcome::kUnknown;
    }
    return Outcome::kUnknown;
  }

  void Settle(Verdict& verdict, const Expr& gold, const Expr& answer, const math::CompareOptions& how) const {
    const math::Comparison compared = comparer.Compare(gold, answer, how);
    verdict.outcome = OutcomeOf(compared.equality);
    verdict.equality = compared.equality;
    verdict.rule = compared.rule;
    verdict.reason = compared.reason;
    if (verdict.outcome == Outcome::kCorrect) return;
    const auto accept = [&](const Expr& left, const Expr& right, const char* rule, const char* reason) {
      const math::Comparison one = comparer.Compare(left, right, how);
      if (OutcomeOf(one.equality) != Outcome::kCorrect) return false;
      verdict.outcome = Outcome::kCorrect;
      verdict.equality = one.equality;
      verdict.rule = std::string(rule) + ", " + one.rule;
      verdict.reason = std::string(reason) + ": " + one.reason;
      return true;
    };
    if (options.policy.percent_sign_as_unit) {
      constexpr char kReason[] = "the sign of percent as a unit that one side leaves out";
      if (answer.kind == Kind::kPercent && gold.kind != Kind::kPercent && accept(gold, answer.args[0], "percent", kReason)) return;
      if (gold.kind == Kind::kPercent && answer.kind != Kind::kPercent && accept(gold.args[0], answer, "percent", kReason)) return;
    }
    const bool one_value = gold.kind != Kind::kList && gold.kind != Kind::kGroup && gold.kind != Kind::kSet;
    if (!options.policy.any_of_boxes || !one_value || answer.kind != Kind::kList) return;
    for (const Expr& part : answer.args) {
      if (accept(gold, part, "any of boxes", "one of several values")) return;
    }
  }

  const Options options;
  mutable math::Comparer comparer;  // thread-safe
};

Grader::Grader() : Grader(Options{}) {}
Grader::Grader(Options options) : state_(std::make_unique<State>(std::move(options))) {}
Grader::~Grader() = default;

Verdict Grader::Grade(std::string_view reference, std::string_view prediction) const {
  const Clock::time_point start = Clock::now();
  Verdict verdict;
  if (state_->options.policy.mode == Mode::kMathCoder) {
    verdict = state_->Published(reference, prediction);
  } else if (!Trim(reference).empty() && Plain(reference) == Plain(prediction)) {
    // Before a sentence is looked into: an answer in words may hold an "is".
    verdict = state_->Judge(reference, {std::string(WithoutFrame(prediction)), "given"});
  } else {
    verdict = state_->Judge(reference, FindAnswer(prediction));
  }
  verdict.cost = Clock::now() - start;
  return verdict;
}

Verdict Grader::Grade(std::string_view reference, const std::vector<chat::Block>& blocks) const {
  const Clock::time_point start = Clock::now();
  Verdict verdict = state_->options.policy.mode == Mode::kMathCoder ? state_->Published(reference, PublishedCompletion(blocks))
                                                                    : state_->Judge(reference, FindAnswer(blocks));
  verdict.cost = Clock::now() - start;
  return verdict;
}

Verdict Grader::Grade(std::string_view reference, const chat::Transcript& transcript) const {
  const bool appended = !transcript.published.is_null() && !transcript.final_answer.empty();
  if (state_->options.policy.mode == Mode::kMathCoder && appended)
    return Grade(reference, std::string_view(transcript.final_answer));
  return Grade(reference, transcript.blocks);
}

}  // namespace mathcoder::grade
