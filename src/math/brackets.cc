// Brackets match across kinds where an interval's do; a bar opens, closes or separates by what stands around it and by its fellows.
#include <algorithm>

#include "math/lexer.h"

namespace mathcoder::math {
namespace {

bool EndsOperand(const Token& token) {
  switch (token.type) {
    case Tok::kNumber:
    case Tok::kLetter:
    case Tok::kName:
    case Tok::kConstant:
    case Tok::kWord:
    case Tok::kUnit:
    case Tok::kText:
    case Tok::kClose:
    case Tok::kRightBrace:
    case Tok::kBang:
    case Tok::kPercent:
    case Tok::kDegree:
    case Tok::kPrime:
    case Tok::kEllipsis:
    case Tok::kEndEnvironment:
    case Tok::kVulgar:
    case Tok::kSuperscript:
      return true;
    default:
      return false;
  }
}
bool StartsOperand(const Token& token) {
  switch (token.type) {
    case Tok::kNumber:
    case Tok::kLetter:
    case Tok::kName:
    case Tok::kConstant:
    case Tok::kWord:
    case Tok::kText:
    case Tok::kFunction:
    case Tok::kOpen:
    case Tok::kLeftBrace:
    case Tok::kMoney:
    case Tok::kFraction:
    case Tok::kRoot:
    case Tok::kAccent:
    case Tok::kBig:
    case Tok::kLimit:
    case Tok::kFigure:
    case Tok::kEllipsis:
    case Tok::kBegin:
    case Tok::kVulgar:
    case Tok::kPartial:
      return true;
    default:
      return false;
  }
}

// Bars that stand side by side.
struct Run {
  std::uint32_t first = 0, count = 0;
  enum { kOpens, kCloses, kFree, kFreeBeforeSign } role = kFree;
  int low = 0, high = 0;  // open bars before the run from which the rest can close
};

struct Scope {
  std::uint32_t opener = 0;
  bool braces = false;
  std::vector<Run> runs;
};

bool Matches(const Token& open, const Token& close) {
  if (open.type == Tok::kLeftBrace || close.type == Tok::kRightBrace) {
    return open.type == Tok::kLeftBrace && close.type == Tok::kRightBrace;
  }
  if (open.type == Tok::kBegin || close.type == Tok::kEndEnvironment) {
    return open.type == Tok::kBegin && close.type == Tok::kEndEnvironment && open.text == close.text;
  }
  if (open.text == close.text || close.text == "." || open.text == ".") return true;
  const auto round = [](std::string_view t) { return t == "(" || t == "["; };
  return round(open.text) && round(close.text);
}

bool Fail(Lexed* lexed, std::uint32_t token, std::string message) {
  lexed->ok = false;
  lexed->error = {lexed->tokens[token].begin, std::move(message)};
  return false;
}

bool ResolveBars(Lexed* lexed, Scope* scope) {
  if (scope->runs.empty()) return true;
  std::vector<Token>& tokens = lexed->tokens;
  std::uint32_t total = 0;
  for (const Run& run : scope->runs) total += run.count;
  if (total % 2 == 1) {
    // {x | x > 2}, {|x| | x > 2}, a | b: the first bar between two operands that neither closes nor opens separates
    int open = 0;
    for (std::size_t i = 0; i < scope->runs.size(); ++i) {
      const Run run = scope->runs[i];
      const int k = static_cast<int>(run.count);
      if (run.role == Run::kOpens) open += k;
      if (run.role == Run::kCloses) open -= k;
      if (run.role < Run::kFree || (k > 1 && !scope->braces) || (k == 1 && open > 0 && scope->braces)) {
        if (run.role >= Run::kFree && k == 1) --open;
        continue;
      }
      const std::uint32_t closes = static_cast<std::uint32_t>(std::clamp(open, 0, k - 1));
      tokens[run.first + closes].type = Tok::kSuchThat;
      std::vector<Run> parts;
      if (closes > 0) parts.push_back({run.first, closes, Run::kCloses});
      if (closes + 1 < run.count) parts.push_back({run.first + closes + 1, run.count - closes - 1, Run::kOpens});
      const auto at = scope->runs.erase(scope->runs.begin() + static_cast<std::ptrdiff_t>(i));
      scope->runs.insert(at, parts.begin(), parts.end());
      break;
    }
  }
  int low = 0, high = 0;
  for (std::size_t i = scope->runs.size(); i-- > 0;) {
    Run& run = scope->runs[i];
    const int k = static_cast<int>(run.count);
    if (run.role == Run::kOpens) {
      low -= k;
      high -= k;
    } else if (run.role == Run::kCloses) {
      low += k;
      high += k;
    } else {
      low -= k;
      high += k;
    }
    if (high < 0) return Fail(lexed, run.first, "a bar that never closes");
    // of the same parity, not below zero
    while (low < 0) low += 2;
    run.low = low;
    run.high = high;
  }
  int depth = 0;
  for (std::size_t i = 0; i < scope->runs.size(); ++i) {
    const Run& run = scope->runs[i];
    if (depth < run.low || depth > run.high || (depth - run.low) % 2 != 0) return Fail(lexed, run.first, "bars that do not pair");
    const int k = static_cast<int>(run.count);
    int closes = run.role == Run::kOpens ? 0 : run.role == Run::kCloses ? k : run.role == Run::kFreeBeforeSign ? k : (k + 1) / 2;
    closes = std::min(closes, std::max(depth, 0));
    if (run.role == Run::kCloses && closes != k) return Fail(lexed, run.first, "a bar that closes nothing");
    if (run.role >= Run::kFree) {
      const bool last = i + 1 == scope->runs.size();
      const int next_low = last ? 0 : scope->runs[i + 1].low, next_high = last ? 0 : scope->runs[i + 1].high;
      const auto fits = [&](int c) {
        const int after = depth - c + (k - c);
        return c >= 0 && c <= k && c <= depth && after >= next_low && after <= next_high;
      };
      bool found = false;
      for (int away = 0; away <= k && !found; ++away) {
        for (int c : {closes - away, closes + away}) {
          if (!found && fits(c)) {
            closes = c;
            found = true;
          }
        }
      }
      if (!found) return Fail(lexed, run.first, "bars that do not pair");
    }
    for (int n = 0; n < k; ++n) {
      Token& token = tokens[run.first + static_cast<std::uint32_t>(n)];
      token.type = n < closes ? Tok::kClose : Tok::kOpen;
      token.text = "|";
    }
    depth += k - 2 * closes;
  }
  return depth == 0 || Fail(lexed, scope->runs.front().first, "bars that do not pair");
}

}  // namespace

bool ResolveBrackets(Lexed* lexed) {
  std::vector<Token>& tokens = lexed->tokens;
  std::vector<Scope> stack(1);
  for (std::uint32_t i = 0; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    switch (token.type) {
      case Tok::kOpen:
      case Tok::kLeftBrace:
      case Tok::kBegin:
        stack.push_back({i, token.type == Tok::kLeftBrace || token.text == "{", {}});
        break;
      case Tok::kClose:
      case Tok::kRightBrace:
      case Tok::kEndEnvironment:
        if (stack.size() == 1) return Fail(lexed, i, "a bracket that was never opened");
        if (!Matches(tokens[stack.back().opener], token))
          return Fail(lexed, i, "a bracket that does not match the one that is open");
        if (!ResolveBars(lexed, &stack.back())) return false;
        tokens[stack.back().opener].close = i;
        stack.pop_back();
        break;
      case Tok::kBar: {
        Run run;
        run.first = i;
        while (tokens[i].type == Tok::kBar) ++i;
        run.count = i - run.first;
        const bool behind = run.first > 0 && EndsOperand(tokens[run.first - 1]);
        const Token& next = tokens[i];
        if (!behind)
          run.role = Run::kOpens;
        else if (next.type == Tok::kMinus || next.type == Tok::kPlus)
          run.role = Run::kFreeBeforeSign;
        else if (!StartsOperand(next))
          run.role = Run::kCloses;
        stack.back().runs.push_back(run);
        --i;
        break;
      }
      default:
        break;
    }
  }
  if (stack.size() > 1) return Fail(lexed, stack.back().opener, "a bracket that is never closed");
  return ResolveBars(lexed, &stack.back());
}

}  // namespace mathcoder::math
