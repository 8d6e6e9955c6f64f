// Grader: the answer, both readings, one comparison under the policy, and what to say about it.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "grade/boxes.h"
#include "grade/chains.h"
#include "grade/choices.h"
#include "grade/cues.h"
#include "grade/grade.h"
#include "grade/message.h"
#include "grade/published.h"
#include "grade/words.h"
#include "math/read.h"
#include "math/second_reading.h"

namespace mathcoder::grade {
namespace {

using math::Equality;
using math::Expr;
using math::Kind;
using Clock = std::chrono::steady_clock;

// The same text: blanks and frames do not count, but "1 2" is not 12.
bool WrittenAlike(std::string_view a, std::string_view b) {
  a = WithoutFrame(a);
  b = WithoutFrame(b);
  for (std::size_t i = 0, j = 0;; ++i, ++j) {
    const std::size_t from_a = i, from_b = j;
    while (i < a.size() && IsBlank(a[i])) ++i;
    while (j < b.size() && IsBlank(b[j])) ++j;
    if (i == a.size() || j == b.size()) return i == a.size() && j == b.size();
    if (a[i] != b[j]) return false;
    if ((i > from_a) != (j > from_b) && from_a > 0 && IsDigit(a[from_a - 1]) && IsDigit(a[i])) return false;
  }
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

// A number above 1 in size: 60 against 60% leaves the sign out, but a bare 0.5 beside 0.5% may be a half.
bool ExceedsOne(const Expr& number) {
  const auto size = [](const auto& self, const Expr& e) -> double {
    switch (e.kind) {
      case Kind::kInteger:
      case Kind::kDecimal:
        return std::strtod(e.text.c_str(), nullptr);  // repeating digits in parentheses are cut off, which is near enough
      case Kind::kNegate:
        return self(self, e.args[0]);
      case Kind::kMixed:
        return self(self, e.args[0]) + self(self, e.args[1]);
      case Kind::kDivide:
        return self(self, e.args[0]) / self(self, e.args[1]);
      default:
        return 0;
    }
  };
  return std::abs(size(size, number)) > 1;
}

// 60 of 60%, -5 of -5%; nullopt: no sign of percent.
std::optional<Expr> WithoutPercent(const Expr& e) {
  if (e.kind == Kind::kPercent) return e.args[0];
  if (e.kind != Kind::kNegate || e.args[0].kind != Kind::kPercent) return std::nullopt;
  return Expr{.kind = Kind::kNegate, .text = "", .number = 0, .args = {e.args[0].args[0]}};
}

// "A(1,2)": a point and its letter, which are read as a product.
bool IsNamedPoint(const Expr& e) {
  return e.kind == Kind::kMultiply && e.args.size() == 2 && e.args[0].kind == Kind::kSymbol && e.args[0].text.size() == 1 &&
         e.args[0].text[0] >= 'A' && e.args[0].text[0] <= 'Z' && e.args[1].kind == Kind::kGroup && e.args[1].args.size() > 1 &&
         e.args[1].text == "()";
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
    if (!Trim(reference).empty() && WrittenAlike(reference, text)) {
      decide(Outcome::kCorrect, Equality::kEqual, "same text", "written alike");
      return verdict;
    }
    std::optional<Choices> given;
    if (options.policy.choice_letters) {
      std::optional<Choices> gold = ChoicesIn(reference);
      given = ChoicesIn(text);
      // A bare small letter is a symbol where the reference writes it, unless the answer marks its letter as a choice.
      if (gold && !gold->marked && reference[0] >= 'a' && !(given && given->marked)) gold.reset();
      if (gold && Chosen(verdict, *gold, given, text)) return verdict;
      if (gold && !gold->value.empty() && !given) reference = boxed = gold->value;
      if (!gold && given && given->letters.size() > 1 && LettersTogether(reference) == given->letters) {
        decide(Outcome::kCorrect, Equality::kEqual, "choice", "choices " + given->letters);
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
    for (const math::SecondReading& again : math::SecondReadings(reference, left, text, right)) {
      const math::Comparison compared = math::CompareMath(again.reference, again.answer, how);
      if (OutcomeOf(compared.equality) != Outcome::kCorrect) continue;
      if (again.ambiguous) {
        decide(Outcome::kUnknown, Equality::kUnknown, "ambiguous", "equal under another reading, else " + verdict.reason);
      } else {
        decide(Outcome::kCorrect, compared.equality, "second reading, " + compared.rule, compared.reason);
      }
      return verdict;
    }
    const auto accept = [&](std::string_view part, const char* rule, const char* reason) {
      if (part.empty() || verdict.outcome == Outcome::kCorrect) return;
      const math::ReadResult read = math::ReadMath(part);
      if (read.ok() && comparer.Compare(left.expr(), read.expr(), how).equality == Equality::kEqual) {
        decide(Outcome::kCorrect, Equality::kEqual, rule, reason);
      }
    };
    if (given) accept(given->value, "behind choice", "the choice's value is the reference");
    accept(BeforeRemark(text), "before remark", "the value before a remark is the reference");
    // "The function is even." for "even": words are looked into only when they would be wrong as a whole.
    if (const auto stated = AnswerOfSentence(text); stated && HoldsWords(text) && !Refuses(text))
      accept(*stated, "end of sentence", "the sentence ends in the reference");
    // "So the answer must be 42!" may cry out or multiply: a sentence may mean the one, a formula only the other.
    const bool sentence = verdict.answer.rule == "cue" || verdict.answer.rule == "last line";
    if (sentence && text.size() > 1 && text.ends_with("!") && IsDigit(text[text.size() - 2]))
      accept(text.substr(0, text.size() - 1), "exclamation", "the number before an exclamation mark is the reference");
    return verdict;
  }

  // Where both sides are choices; false: `given` is none and decides nothing.
  bool Chosen(Verdict& verdict, const Choices& gold, std::optional<Choices> given, std::string_view text) const {
    if (!given && gold.letters.size() > 1) {
      if (const auto letters = LettersTogether(text)) given = Choices{.letters = *letters, .value = "", .marked = false};
    }
    if (!given) return false;
    bool same = gold.letters == given->letters;
    // A bare small letter that is not the choice may be a symbol; the comparison of mathematics says so too.
    if (!same && !given->marked && text[0] >= 'a' && text[0] <= 'z') return false;
    verdict.rule = "choice";
    verdict.reason = "choice " + gold.letters + (same ? "" : " against " + given->letters);
    if (same && !gold.value.empty() && !given->value.empty()) {
      const math::ReadResult left = math::ReadMath(gold.value);
      const math::ReadResult right = math::ReadMath(given->value);
      if (left.ok() && right.ok() && left.expr().kind != Kind::kText && right.expr().kind != Kind::kText &&
          comparer.Compare(left.expr(), right.expr(), options.policy.compare).equality == Equality::kDifferent) {
        same = false;
        verdict.reason = "choice " + gold.letters + " with another value";
      }
    }
    verdict.outcome = same ? Outcome::kCorrect : Outcome::kWrong;
    verdict.equality = same ? Equality::kEqual : Equality::kDifferent;
    return true;
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
      const std::optional<Expr> left = WithoutPercent(gold);
      const std::optional<Expr> right = WithoutPercent(answer);
      if (right && !left && ExceedsOne(gold) && accept(gold, *right, "percent", kReason)) return;
      if (left && !right && ExceedsOne(answer) && accept(*left, answer, "percent", kReason)) return;
    }
    if (SettleChains(verdict, gold, answer, how)) return;
    const bool one_value = gold.kind != Kind::kList && gold.kind != Kind::kGroup && gold.kind != Kind::kSet;
    if (!options.policy.any_of_boxes || !one_value || answer.kind != Kind::kList) return;
    for (const Expr& part : answer.args) {
      if (accept(gold, part, "any of boxes", "one of several values")) return;
    }
  }

  // Chains of equalities on either side, replaced by what they state: "1/2 = 0.5" by 1/2. True: decided so.
  bool SettleChains(Verdict& verdict, const Expr& gold, const Expr& answer, const math::CompareOptions& how) const {
    const auto statement = [](const Expr& e) { return e.kind == Kind::kRelation || e.kind == Kind::kAnd; };
    bool proven = true;  // that the sides of every chain agree
    bool changed = false;
    const auto reduced = [&](const Expr& e, bool keep_name) {
      if (IsNamedPoint(e)) {
        changed = true;
        return e.args[1];
      }
      std::optional<Chain> chain = ChainOf(e);
      // A reference "x + y = 5" is a line as well as a value; in an answer to a value it states the value.
      if (!chain || (&e == &gold && !keep_name && !chain->single_names)) return e;
      for (std::size_t i = 1; i < chain->values.size(); ++i) {
        const Equality agree = comparer.Compare(chain->values[0], chain->values[i], how).equality;
        if (agree == Equality::kDifferent) return e;
        proven = proven && agree != Equality::kUnknown;
      }
      changed = true;
      // Of "(x-1)(x+1) = x^2-1" and "8 \\cdot 9 = 72" every part is the value; the last one is the plainest.
      Expr value = std::move(chain->values.back());
      if (!keep_name || chain->names.empty()) return value;
      return Expr{.kind = Kind::kRelation, .text = "=", .number = 0, .args = {std::move(chain->names[0]), std::move(value)}};
    };
    const auto whole = [&](const Expr& e, bool keep_name) {
      if (e.kind != Kind::kList && e.kind != Kind::kOr) return reduced(e, keep_name);
      // "24/2, or 12": another way to write one value.
      const bool one_value = e.kind == Kind::kList && e.text == "or" && e.args.size() == 2 &&
                             OutcomeOf(comparer.Compare(e.args[0], e.args[1], how).equality) == Outcome::kCorrect;
      if (one_value) {
        changed = true;
        return e.args[1];
      }
      Expr list = e;
      for (Expr& part : list.args) part = reduced(part, part.kind == Kind::kAnd);
      return list;
    };
    const Expr left = whole(gold, statement(answer));
    const Expr right = whole(answer, statement(gold));
    if (!changed) return false;
    const math::Comparison one = comparer.Compare(left, right, how);
    const Outcome outcome = OutcomeOf(one.equality);
    if (outcome == Outcome::kWrong) return false;
    verdict.outcome = proven ? outcome : Outcome::kUnknown;
    verdict.equality = proven ? one.equality : Equality::kUnknown;
    verdict.rule = "chain, " + one.rule;
    verdict.reason = "what a chain of equalities states: " + one.reason;
    return true;
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
  } else if (!Trim(reference).empty() && WrittenAlike(reference, prediction)) {
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
