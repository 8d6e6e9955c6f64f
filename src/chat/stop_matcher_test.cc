#include "chat/stop_matcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace mathcoder::chat {
namespace {

// Where generation has to stop: the number of bytes that are kept. Looks at the whole text again for every prefix.
std::optional<std::size_t> SlowStop(const StopRule& rule, const std::string& text) {
  const auto only_blanks = [](const std::string& rest) { return rest.find_first_not_of(" \t\r") == std::string::npos; };
  for (std::size_t n = 1; n <= text.size(); ++n) {
    const std::string prefix = text.substr(0, n);
    for (const std::string& stop : rule.strings) {
      if (prefix.ends_with(stop)) return n;
    }
    // Lines of the context and of the prefix, the last one unfinished.
    std::vector<std::string> lines(1);
    const std::string all = rule.context + prefix;
    for (const char byte : all) {
      if (byte == '\n')
        lines.emplace_back();
      else
        lines.back().push_back(byte);
    }
    const StopRule::Fence* open = nullptr;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const bool last = i + 1 == lines.size();
      for (const auto& fence : rule.fences) {
        if (last && fence.close.empty() && lines[i] == fence.open) return n;
      }
      if (last) break;
      if (open != nullptr) {
        if (lines[i].starts_with(open->close) && only_blanks(lines[i].substr(open->close.size()))) {
          if (i + 2 == lines.size() && lines.back().empty()) return n;
          open = nullptr;
        }
        continue;
      }
      for (const auto& fence : rule.fences) {
        if (!fence.close.empty() && open == nullptr && lines[i].starts_with(fence.open) &&
            only_blanks(lines[i].substr(fence.open.size()))) {
          open = &fence;
        }
      }
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> FastStop(const StopRule& rule, const std::string& text, std::mt19937& random) {
  StopMatcher matcher(rule);
  std::size_t fed = 0;
  while (fed < text.size()) {
    const std::size_t n = std::min<std::size_t>(random() % 6, text.size() - fed);
    const auto stop = matcher.Feed(std::string_view(text).substr(fed, n));
    fed += n;
    if (stop) {
      EXPECT_LE(stop->overshoot, n);
      EXPECT_TRUE(text.substr(0, fed - stop->overshoot).ends_with(stop->text)) << stop->text;
      return fed - stop->overshoot;
    }
    EXPECT_LE(matcher.HeldBack(), fed);
  }
  return std::nullopt;
}

StopRule ToraRule() { return {.tokens = {}, .strings = {}, .fences = {{"```python", "```"}, {"```output", ""}}, .context = ""}; }

struct FenceCase {
  const char* what;
  const char* text;
  const char* kept;  // nullptr: no stop
};

TEST(StopMatcher, ClosesOnlyPythonFencesAtTheStartOfALine) {
  const FenceCase cases[] = {
      {"a block", "Let me.\n```python\nx = 1\n```\nmore", "Let me.\n```python\nx = 1\n```\n"},
      {"at the very start", "```python\n1\n```\n", "```python\n1\n```\n"},
      {"blanks after the marks", "```python  \r\n1\n```  \nmore", "```python  \r\n1\n```  \n"},
      {"an empty block", "```python\n```\n", "```python\n```\n"},
      {"another language", "```json\n{}\n```\nmore", nullptr},
      {"a bare fence", "```\n1\n```\nmore", nullptr},
      {"inline code", "use ```python\nor ``` so\n```\n", nullptr},
      {"close not at the start of a line", "```python\ns = '```'\n ```\n", nullptr},
      {"close with more on its line", "```python\n```x\n", nullptr},
      {"not closed yet", "```python\n1\n```", nullptr},
      {"a longer name", "```python3\n1\n```\n", nullptr},
      {"python after a bare fence", "```\na\n```python\n1\n```\n", "```\na\n```python\n1\n```\n"},
      {"a forged output", "so\n```output\n42", "so\n```output"},
      {"a forged output in code", "```python\n1\n```output\n", "```python\n1\n```output"},
      {"output within a line", "the ```output block", nullptr},
      {"many backticks", "````python\n1\n```\n", nullptr},
  };
  std::mt19937 random(1);
  for (const FenceCase& test : cases) {
    const std::string text = test.text;
    const std::optional<std::size_t> want = test.kept == nullptr ? std::nullopt : std::optional(std::string(test.kept).size());
    for (int i = 0; i < 20; ++i) EXPECT_EQ(FastStop(ToraRule(), text, random), want) << test.what;
    EXPECT_EQ(SlowStop(ToraRule(), text), want) << test.what;
  }
}

TEST(StopMatcher, SaysWhatToDropOfAToken) {
  StopMatcher matcher(ToraRule());
  EXPECT_FALSE(matcher.Feed("```python\n1"));
  const auto stop = matcher.Feed("\n```\n\nThe");
  ASSERT_TRUE(stop);
  EXPECT_EQ(stop->overshoot, 4U);
  EXPECT_EQ(stop->text, "```\n");
}

TEST(StopMatcher, TokensAndContext) {
  StopRule rule = ToraRule();
  rule.tokens = {3, 7};
  rule.context = "```python\nx = 1";
  StopMatcher matcher(rule);
  EXPECT_TRUE(matcher.IsStopToken(7));
  EXPECT_FALSE(matcher.IsStopToken(4));
  EXPECT_TRUE(matcher.in_fence());
  EXPECT_FALSE(matcher.Feed("2"));
  EXPECT_TRUE(matcher.Feed("\n```\n"));
}

TEST(StopMatcher, HoldsBackWhatMayBecomeAStop) {
  const struct {
    const char* text;
    std::size_t held;
  } cases[] = {{"abc", 0},  {"a\n``", 2},  {"a ``", 0}, {"```out", 6}, {"```python\nx\n``", 2}, {"```python\n```", 3},
               {"x EN", 2}, {"x ENDEN", 2}};
  for (const auto& test : cases) {
    StopRule rule = ToraRule();
    rule.strings = {"END!"};
    StopMatcher matcher(rule);
    EXPECT_FALSE(matcher.Feed(test.text));
    EXPECT_EQ(matcher.HeldBack(), test.held) << test.text;
  }
}

// Small alphabets, so that borders, near misses and several stops at once are common.
TEST(StopMatcher, AgreesWithASlowOracle) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto text_of = [&](const std::vector<std::string>& pieces, std::size_t n) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i) text += pieces[random() % pieces.size()];
    return text;
  };
  int stopped = 0;
  for (int round = 0; round < 4000; ++round) {
    StopRule rule;
    for (std::size_t i = random() % 4; i > 0; --i) rule.strings.push_back(text_of({"a", "b", "é"}, 1 + random() % 5));
    if (random() % 2 == 0) rule.fences = {{"``p", "``"}, {"``o", ""}, {"~p", "~"}};
    if (random() % 4 == 0) rule.context = text_of({"``p\n", "~p\n", "x", "\n"}, random() % 4);
    // A context that itself has a closed fence is not what the contract speaks of; the matcher and the oracle must agree anyway.
    const std::string text = round % 2 == 0
                                 ? text_of({"a", "b", "é"}, random() % 40)
                                 : text_of({"a", "b", "é", "``", "`", "~", "p", "o", "\n", "\n``p\n", " ", "``\n"}, random() % 30);
    const auto want = SlowStop(rule, text);
    stopped += want.has_value();
    ASSERT_EQ(FastStop(rule, text, random), want) << "context " << rule.context << "\ntext " << text;
  }
  EXPECT_GT(stopped, 400);
  EXPECT_LT(stopped, 3900);
}

}  // namespace
}  // namespace mathcoder::chat
