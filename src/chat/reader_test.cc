#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include "base/jsonl.h"
#include "base/utf8.h"
#include "chat/dialect.h"
#include "chat/jsonl_formats.h"
#include "chat/stop_matcher.h"

namespace mathcoder::chat {
namespace {

using K = BlockKind;
using R = TokenRole;

struct Fixture {
  explicit Fixture(const char* name)
      : dialect(LoadDialect(name)),
        tokenizer(MakeByteTokenizer(dialect->special_strings())),
        reader(dialect->NewReader(*tokenizer)) {}

  // Control tokens of the dialect in `text` are fed as such.
  void Feed(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      std::string piece(1, text[i]);
      for (const std::string& special : dialect->special_strings()) {
        if (text.substr(i).starts_with(special) && special.size() > piece.size()) piece = special;
      }
      Show(reader->Feed(piece.size() > 1 ? *tokenizer->Special(piece) : tokenizer->Encode(piece)[0]));
      i += piece.size();
    }
  }
  void Generate(std::string_view text) {
    Feed(text);
    Show(reader->FinishGeneration());
  }
  void Show(const std::vector<BlockReader::Chunk>& chunks) {
    for (const auto& chunk : chunks) {
      if (chunk.starts_block) shown.push_back({chunk.kind, ""});
      ASSERT_FALSE(shown.empty());
      EXPECT_EQ(shown.back().kind, chunk.kind);
      shown.back().text += chunk.text;
    }
  }

  std::shared_ptr<const Dialect> dialect;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<BlockReader> reader;
  std::vector<Block> shown;
};

std::string Roles(const std::vector<TokenRole>& roles) {
  std::string text;
  for (const TokenRole role : roles) text += role == R::kText ? 't' : role == R::kCode ? 'c' : role == R::kExecution ? 'e' : '?';
  return text;
}

TEST(MarkerReader, ReadsAMessageAsTheLoopSeesIt) {
  Fixture f("mathcoder");
  f.Generate("<|text|>Let é.<|endofblock|>");
  EXPECT_FALSE(f.reader->wants_execution());
  f.Generate("<|code|>1+1<|endofblock|>");
  EXPECT_TRUE(f.reader->wants_execution());
  EXPECT_EQ(Roles(f.reader->generated_roles()),
            "tttttttt"
            "tccccc" +
                std::string());
  f.reader->NoteObservation("2");
  EXPECT_FALSE(f.reader->wants_execution());
  EXPECT_TRUE(f.reader->generated_roles().empty());
  f.Generate("<|text|>So \\boxed{2}<|endofblock|>");
  EXPECT_FALSE(f.reader->message_ended());
  f.Generate("<|endofmessage|>");
  EXPECT_TRUE(f.reader->message_ended());
  EXPECT_FALSE(f.reader->wants_execution());
  EXPECT_FALSE(f.reader->forged_execution());
  const std::vector<Block> want = {{K::kText, "Let é."}, {K::kCode, "1+1"}, {K::kExecution, "2"}, {K::kText, "So \\boxed{2}"}};
  EXPECT_EQ(f.reader->blocks(), want);
}

TEST(MarkerReader, OddMessages) {
  const struct {
    const char* what;
    const char* text;
    std::vector<Block> blocks;
    bool wants, ended, forged;
    const char* roles;
  } cases[] = {
      {"a forged output after code", "<|code|>1<|execution|>", {{K::kCode, "1"}}, true, false, true, "cce"},
      {"a forged output after text", "<|text|>a<|endofblock|><|execution|>9", {{K::kText, "a"}}, false, false, true, "tttee"},
      {"code cut by the token limit", "<|code|>1", {{K::kCode, "1"}}, false, false, false, "cc"},
      {"code cut by the end of the message", "<|code|>1<|endofmessage|>", {{K::kCode, "1"}}, false, true, false, "ccc"},
      {"text without its mark", "ab<|endofmessage|>", {{K::kText, "ab"}}, false, true, false, "ttt"},
      {"an empty block", "<|text|><|endofblock|>", {{K::kText, ""}}, false, false, false, "tt"},
      {"a close too much", "<|text|>a<|endofblock|><|endofblock|>", {{K::kText, "a"}}, false, false, false, "tttt"},
      {"a new turn", "<|text|>a<|endofblock|><|user|>", {{K::kText, "a"}}, false, true, false, "tttt"},
      {"text after code that was not run",
       "<|code|>1<|endofblock|><|text|>x<|endofblock|>",
       {{K::kCode, "1"}, {K::kText, "x"}},
       false,
       false,
       false,
       "cccttt"},
      {"nothing", "", {}, false, false, false, ""},
  };
  for (const auto& test : cases) {
    Fixture f("mathcoder");
    f.Generate(test.text);
    EXPECT_EQ(f.reader->blocks(), test.blocks) << test.what;
    EXPECT_EQ(f.reader->wants_execution(), test.wants) << test.what;
    EXPECT_EQ(f.reader->message_ended(), test.ended) << test.what;
    EXPECT_EQ(f.reader->forged_execution(), test.forged) << test.what;
    EXPECT_EQ(Roles(f.reader->generated_roles()), test.roles) << test.what;
  }
}

TEST(MarkerReader, ACutBlockIsContinued) {
  Fixture f("mathcoder");
  f.Generate("<|code|>12");
  EXPECT_FALSE(f.reader->wants_execution());
  f.Generate("3<|endofblock|>");
  EXPECT_TRUE(f.reader->wants_execution());
  EXPECT_EQ(f.reader->blocks(), (std::vector<Block>{{K::kCode, "123"}}));
  EXPECT_EQ(f.shown, f.reader->blocks());
}

TEST(MarkerReader, Llama3RunsACallThatEndsTheTurn) {
  for (const char* end : {"<|eom_id|>", "<|eot_id|>"}) {
    Fixture f("llama3");
    f.Generate(std::string("I compute.<|python_tag|>print(1)") + end);
    EXPECT_TRUE(f.reader->wants_execution()) << end;
    EXPECT_FALSE(f.reader->message_ended()) << end;
    EXPECT_EQ(f.reader->blocks(), (std::vector<Block>{{K::kText, "I compute."}, {K::kCode, "print(1)"}}));
    f.reader->NoteObservation("1");
    f.Generate("It is 1.<|eot_id|>");
    EXPECT_TRUE(f.reader->message_ended());
    EXPECT_FALSE(f.reader->wants_execution());
  }
}

TEST(FenceReader, Messages) {
  const struct {
    const char* what;
    const char* text;
    std::vector<Block> blocks;
    bool wants, ended, forged;
  } cases[] = {
      {"code that was closed", "Let é.\n```python\nx = 1\n```\n", {{K::kText, "Let é."}, {K::kCode, "x = 1"}}, true, false, false},
      {"code at once", "```python\nx\n\ny\n```\n", {{K::kCode, "x\n\ny"}}, true, false, false},
      {"blank lines before code are no block", "\n\n```python\n1\n```\n", {{K::kCode, "1"}}, true, false, false},
      {"an empty line kept", "a\n\n```python\n1\n```\n", {{K::kText, "a\n"}, {K::kCode, "1"}}, true, false, false},
      {"an empty block", "```python\n```\n", {{K::kCode, ""}}, true, false, false},
      {"a fence of another language is text",
       "See\n```json\n{}\n```\nok</s>",
       {{K::kText, "See\n```json\n{}\n```\nok"}},
       false,
       true,
       false},
      {"inline marks are text", "use ``` or `x`</s>", {{K::kText, "use ``` or `x`"}}, false, true, false},
      {"a mark within code",
       "```python\ns = \"\"\"\n ```\n\"\"\"\n```\n",
       {{K::kCode, "s = \"\"\"\n ```\n\"\"\""}},
       true,
       false,
       false},
      {"cut code", "```python\nx = 1\ny", {{K::kCode, "x = 1\ny"}}, false, false, false},
      {"cut in the closing mark", "```python\nx\n``", {{K::kCode, "x\n``"}}, false, false, false},
      {"code as the last word", "```python\nx\n```</s>", {{K::kCode, "x"}}, true, true, false},
      {"code that never closes", "```python\nx\n</s>", {{K::kCode, "x"}}, false, true, false},
      {"a forged output", "a\n```output", {{K::kText, "a"}}, false, false, true},
      {"a forged output instead of the closing mark", "```python\nx\n```output", {{K::kCode, "x"}}, false, false, true},
      {"an answer", "It is \\boxed{2}.\n</s>", {{K::kText, "It is \\boxed{2}."}}, false, true, false},
  };
  for (const auto& test : cases) {
    Fixture f("tora");
    f.Generate(test.text);
    EXPECT_EQ(f.reader->blocks(), test.blocks) << test.what;
    EXPECT_EQ(f.reader->wants_execution(), test.wants) << test.what;
    EXPECT_EQ(f.reader->message_ended(), test.ended) << test.what;
    EXPECT_EQ(f.reader->forged_execution(), test.forged) << test.what;
    std::vector<Block> visible = test.blocks;
    std::erase_if(visible, [](const Block& block) { return block.text.empty(); });
    EXPECT_EQ(f.shown, visible) << test.what;
  }
}

// The text that the model has in its context after an execution, byte for byte.
TEST(FenceReader, TheContextAfterAnExecutionIsExact) {
  Fixture f("tora");
  const std::string model = "I compute.\n```python\nprint(42)\n```\n\nThe output is";  // more than is wanted arrives in one piece
  StopMatcher matcher(f.dialect->Stops(*f.tokenizer));
  const auto stop = matcher.Feed(model);
  ASSERT_TRUE(stop);
  std::string context = model.substr(0, model.size() - stop->overshoot);
  f.Show(f.reader->FeedText(context));
  f.Show(f.reader->FinishGeneration());
  ASSERT_TRUE(f.reader->wants_execution());
  for (const Segment& segment : f.dialect->RenderObservation("42")) {
    EXPECT_EQ(segment.role, R::kExecution);
    context += segment.text;
  }
  EXPECT_EQ(context, "I compute.\n```python\nprint(42)\n```\n```output\n42\n```\n");
}

TEST(FenceReader, RolesOfMarksAndOfTokensThatStraddle) {
  Fixture f("tora");
  //               text         mark        code   mark  newline of the mark
  f.Generate("ab\n```python\nx\n```\n");
  EXPECT_EQ(Roles(f.reader->generated_roles()),
            "ttt"
            "cccccccccc"
            "cc"
            "cccc");
  f.reader->NoteObservation("1");
  f.Generate("no\n``` x\n```output");
  EXPECT_EQ(Roles(f.reader->generated_roles()),
            "ttt"
            "tttttt"
            "eeeeeeeee");
}

// Every id is a piece of its own, none is a control token.
class PieceTokenizer final : public Tokenizer {
 public:
  explicit PieceTokenizer(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
  // The longest piece that fits, from the left.
  std::vector<TokenId> Encode(std::string_view text) const override {
    std::vector<TokenId> ids;
    while (!text.empty()) {
      std::size_t best = pieces_.size();
      for (std::size_t i = 0; i < pieces_.size(); ++i) {
        if (text.starts_with(pieces_[i]) && (best == pieces_.size() || pieces_[i].size() > pieces_[best].size())) best = i;
      }
      if (best == pieces_.size()) return {};
      ids.push_back(static_cast<TokenId>(best));
      text.remove_prefix(pieces_[best].size());
    }
    return ids;
  }
  std::optional<TokenId> Special(std::string_view) const override { return std::nullopt; }
  std::string Piece(TokenId id) const override { return pieces_[static_cast<std::size_t>(id)]; }
  std::optional<TokenId> Bos() const override { return 0; }
  bool IsEndOfGeneration(TokenId) const override { return false; }
  std::size_t size() const override { return pieces_.size(); }

 private:
  std::vector<std::string> pieces_;
};

TEST(FenceReader, ATokenThatStraddlesHasTheRoleOfItsFirstByte) {
  const PieceTokenizer tokenizer({"Hi", ".\n``", "`py", "thon\nx", "\n", "```\n", "\n``", "`out", "put"});
  const auto dialect = LoadDialect("tora");
  const auto reader = dialect->NewReader(tokenizer);
  for (const TokenId id : {0, 1, 2, 3, 4, 5}) reader->Feed(id);
  reader->FinishGeneration();
  EXPECT_EQ(Roles(reader->generated_roles()), "ttcccc");
  EXPECT_EQ(reader->blocks(), (std::vector<Block>{{K::kText, "Hi."}, {K::kCode, "x"}}));
  EXPECT_TRUE(reader->wants_execution());
  reader->NoteObservation("1");
  for (const TokenId id : {0, 6, 7, 8}) reader->Feed(id);
  EXPECT_EQ(Roles(reader->generated_roles()), "ttee");
  EXPECT_TRUE(reader->forged_execution());
}

TEST(Encode, JoinsPlainTextAndGivesATokenTheRoleOfItsFirstByte) {
  const PieceTokenizer tokenizer({"<s>", "Q: ", "1+", "1", "\nA:", "\n"});
  const std::vector<Segment> segments = {{"Q: ", R::kTemplate, false}, {"1+1\n", R::kUser, false}, {"A:", R::kTemplate, false}};
  const TokenTrace trace = LoadDialect("tora")->Encode(tokenizer, segments, true);
  EXPECT_EQ(trace.ids, (std::vector<TokenId>{0, 1, 2, 3, 4}));
  EXPECT_EQ(trace.roles, (std::vector<TokenRole>{R::kTemplate, R::kTemplate, R::kUser, R::kUser, R::kUser}));
}

TEST(FenceReader, ContinuesACutBlockAsTheMatcherDoes) {
  Fixture f("tora");
  f.Generate("```python\nx = 1");
  StopRule rule = f.dialect->Stops(*f.tokenizer);
  rule.context = f.reader->stop_context();
  EXPECT_TRUE(StopMatcher(rule).Feed("0\n```\n"));
  EXPECT_FALSE(StopMatcher(rule).Feed("```\n")) << "in the middle of a line";
  f.Generate("0\n```\n");
  EXPECT_TRUE(f.reader->wants_execution());
  EXPECT_EQ(f.reader->blocks(), (std::vector<Block>{{K::kCode, "x = 10"}}));
}

// What was held back was shown when the generation was cut; the rest of that line is no mark any more, for the matcher neither.
TEST(FenceReader, ACutInAMarkLeavesText) {
  Fixture f("tora");
  f.Generate("```python\nx\n``");
  StopRule rule = f.dialect->Stops(*f.tokenizer);
  rule.context = f.reader->stop_context();
  EXPECT_FALSE(StopMatcher(rule).Feed("```\n"));
  f.Generate("```\ny\n```\n");
  EXPECT_EQ(f.reader->blocks(), (std::vector<Block>{{K::kCode, "x\n`````\ny"}}));
  EXPECT_EQ(f.shown, f.reader->blocks());
}

TEST(Readers, NeverShowHalfACharacterOrAMark) {
  for (const char* name : {"mathcoder", "tora", "llama3", "chatml", "qwen-math"}) {
    Fixture f(name);
    std::vector<Segment> segments = f.dialect->RenderBlock({K::kText, "π ≈ 3.14 `` 😀"});
    for (const auto& more : {f.dialect->RenderBlock({K::kCode, "π = 3\n``x"})})
      segments.insert(segments.end(), more.begin(), more.end());
    for (const TokenId id : f.dialect->Encode(*f.tokenizer, segments, false).ids) {
      const auto chunks = f.reader->Feed(id);
      for (const auto& chunk : chunks) {
        EXPECT_TRUE(base::IsValidUtf8(chunk.text)) << name;
        EXPECT_EQ(chunk.text.find("```"), std::string::npos) << name;
      }
      f.Show(chunks);
    }
    f.Show(f.reader->FinishGeneration());
    EXPECT_EQ(f.reader->blocks(), (std::vector<Block>{{K::kText, "π ≈ 3.14 `` 😀"}, {K::kCode, "π = 3\n``x"}})) << name;
    EXPECT_EQ(f.shown, f.reader->blocks()) << name;
    EXPECT_TRUE(f.reader->wants_execution()) << name;
  }
}

// What 7B and 13B models wrote, garbage included: in every dialect a recording is read back as it was, and every code block is
// asked to be run. Where text has no marks, neighbouring texts become one.
TEST(Readers, ReadThePublishedMessagesInEveryDialect) {
  const char* shared = std::getenv("MATHCODER_SHARED");
  const std::filesystem::path root =
      std::filesystem::path(shared != nullptr ? shared : MATHCODER_SOURCE_DIR "/../shared") / "transcripts";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "no " << root << "; set MATHCODER_SHARED";
  std::size_t messages = 0;
  std::map<std::string, std::size_t> different;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".jsonl") continue;
    base::JsonLines lines(entry.path());
    for (std::size_t n = 0; auto record = lines.Next(); ++n) {
      if (n % 7 != 0) continue;
      const Transcript recorded = ReadTranscript(**record).value();
      ++messages;
      for (const char* name : {"mathcoder", "tora", "llama3"}) {
        Fixture f(name);
        std::vector<Block> want;
        bool good = true;
        for (std::size_t i = 0; i < recorded.blocks.size(); ++i) {
          const Block& block = recorded.blocks[i];
          const bool joins =
              name != std::string_view("mathcoder") && !want.empty() && block.kind == K::kText && want.back().kind == K::kText;
          if (joins)
            want.back().text += (name == std::string_view("tora") ? "\n" : "") + block.text;
          else
            want.push_back(block);
          if (block.kind == K::kExecution) {
            good = good && f.reader->wants_execution();
            f.reader->NoteObservation(block.text);
            continue;
          }
          for (const TokenId id : f.dialect->Encode(*f.tokenizer, f.dialect->RenderBlock(block), false).ids) f.reader->Feed(id);
          if (block.kind == K::kCode) f.reader->FinishGeneration();
        }
        if (recorded.blocks.back().kind == K::kText) f.Generate(f.dialect->RenderMessageEnd()[0].text);
        different[name] += !good || f.reader->blocks() != want;
      }
    }
  }
  EXPECT_GT(messages, 800U);
  EXPECT_EQ(different["mathcoder"], 0U);
  EXPECT_EQ(different["llama3"], 0U);
  EXPECT_EQ(different["tora"], 0U);
}

// Random messages: what RenderBlock writes is what the reader reads, whatever the token borders, and every token has the role of
// the segment in which its first byte lies. Stops of the matcher fall exactly where code blocks end.
TEST(Readers, ReadWhatDialectsWrite) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  // Tokens of several bytes over a byte vocabulary: FeedText in random pieces.
  const std::vector<std::string> words = {"a",     "é",       "😀",         " ",        "\n", "`",     "``",
                                          "x ```", "```\n x", "```json\n", "print(1)", "|>", "<|text"};
  for (const char* name : {"mathcoder", "tora", "llama3", "chatml", "qwen-math"}) {
    const bool fenced = LoadDialect(name)->Stops(*MakeByteTokenizer({})).fences.size() > 0;
    for (int round = 0; round < 400; ++round) {
      Fixture f(name);
      std::vector<Block> want;
      const StopRule stops = f.dialect->Stops(*f.tokenizer);
      for (std::size_t n = 1 + random() % 4; n > 0; --n) {
        std::string text = "w";
        for (std::size_t i = random() % 8; i > 0; --i) text += words[random() % words.size()];
        if (random() % 3 > 0) want.push_back({K::kText, text});
        std::string code = "c";
        for (std::size_t i = random() % 8; i > 0; --i) code += words[random() % words.size()];
        if (fenced) {
          // Code that holds a line of the closing mark cannot be written in fences.
          std::string lines = "\n" + code + "\n";
          while (lines.find("\n```") != std::string::npos) lines.replace(lines.find("\n```"), 4, "\n~~~");
          code = lines.substr(1, lines.size() - 2);
        }
        const std::size_t first = want.empty() || want.back().kind != K::kText ? want.size() : want.size() - 1;
        want.push_back({K::kCode, code});
        std::string plain;
        std::vector<Segment> segments;
        for (std::size_t i = first; i < want.size(); ++i) {
          for (Segment& segment : f.dialect->RenderBlock(want[i])) segments.push_back(std::move(segment));
        }
        StopMatcher matcher(stops);
        const TokenTrace trace = f.dialect->Encode(*f.tokenizer, segments, false);
        for (std::size_t i = 0; i < trace.ids.size(); ++i) {
          const bool last = i + 1 == trace.ids.size();
          f.Show(f.reader->Feed(trace.ids[i]));
          const bool special = trace.ids[i] >= 256;
          const bool stop =
              special ? matcher.IsStopToken(trace.ids[i]) : matcher.Feed(f.tokenizer->Piece(trace.ids[i])).has_value();
          if (fenced || last) {
            ASSERT_EQ(stop, last) << name;
          }
        }
        f.Show(f.reader->FinishGeneration());
        ASSERT_TRUE(f.reader->wants_execution()) << name;
        ASSERT_EQ(f.reader->blocks(), want) << name;
        ASSERT_EQ(Roles(f.reader->generated_roles()), Roles(trace.roles)) << name;
        f.reader->NoteObservation("out");
        want.push_back({K::kExecution, "out"});
      }
      f.Generate("done");
      for (const Segment& segment : f.dialect->RenderMessageEnd()) f.Generate(segment.text);
      want.push_back({K::kText, "done"});
      ASSERT_EQ(f.reader->blocks(), want) << name;
      ASSERT_EQ(f.shown, [&] {
        std::vector<Block> visible = want;
        std::erase_if(visible, [](const Block& block) { return block.kind == K::kExecution; });
        return visible;
      }()) << name;
      ASSERT_TRUE(f.reader->message_ended()) << name;
    }
  }
}

}  // namespace
}  // namespace mathcoder::chat
