#include "train/data/token_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>
#include <tuple>

#include "base/jsonl.h"
#include "chat/jsonl_formats.h"
#include "train/data/packing.h"
#include "train/data/testing.h"

namespace mathcoder::train {
namespace {

using testing::Bytes;
using testing::ErrorOf;
using ::testing::HasSubstr;
using testing::Quiet;
using testing::Scratch;
using ::testing::StartsWith;

class Cache : public ::testing::Test {
 protected:
  Cache() {
    std::mt19937_64 random(seed_);
    testing::WriteAll(scratch_ / "a.jsonl", testing::RandomRecords(random, 60));
    testing::WriteAll(scratch_ / "b.jsonl", testing::RandomRecords(random, 30));
    files_ = ExpandSources({{(scratch_ / "?.jsonl").string(), 1}});
  }
  std::unique_ptr<TokenCache> Build(const CacheOptions& options = Quiet()) {
    return testing::Build(scratch_, files_, bytes_, options);
  }

  // What BuildExample says of each record, in order.
  std::vector<Example> Expected() const {
    std::vector<Example> examples;
    for (const DataFile& file : files_) {
      base::JsonLines lines(file.path);
      while (auto json = lines.Next()) {
        examples.push_back(
            *BuildExample(*chat::ReadTranscript(**json), lines.Where(), *bytes_.dialect, *bytes_.tokenizer, ExampleOptions{}));
      }
    }
    return examples;
  }
  static void ExpectHolds(const TokenCache& cache, const std::vector<Example>& examples) {
    ASSERT_EQ(cache.size(), examples.size());
    std::uint64_t tokens = 0;
    for (std::size_t i = 0; i < examples.size(); ++i) {
      const Example read = cache.example(i);
      EXPECT_EQ(read.ids, examples[i].ids);
      EXPECT_EQ(read.roles, examples[i].roles);
      EXPECT_EQ(read.weights, examples[i].weights);
      EXPECT_EQ(read.source, examples[i].source);
      EXPECT_DOUBLE_EQ(cache.loss_weight(i), examples[i].LossWeight());
      EXPECT_EQ(cache.loss_tokens(i), examples[i].LossTokens());
      tokens += examples[i].ids.size();
    }
    EXPECT_EQ(cache.tokens(), tokens);
  }
  std::size_t Leftovers() const {
    std::size_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_ / "cache")) {
      n += entry.path().string().find(".part.") != std::string::npos ? 1 : 0;
    }
    return n;
  }

  const std::uint64_t seed_ = testing::Seed();
  const ::testing::ScopedTrace trace_{__FILE__, __LINE__, "MATHCODER_TEST_SEED=" + std::to_string(seed_)};
  Scratch scratch_;
  Bytes bytes_{"mathcoder"};
  std::vector<DataFile> files_;
};

TEST_F(Cache, HoldsEveryExampleAndIsBuiltOnce) {
  const auto cache = Build();
  ExpectHolds(*cache, Expected());
  EXPECT_EQ(cache->counts().records, 90U);
  EXPECT_TRUE(cache->notes().empty());
  const auto time = std::filesystem::last_write_time(cache->path());
  const auto again = Build();
  EXPECT_EQ(std::filesystem::last_write_time(again->path()), time);
  ExpectHolds(*again, Expected());
}

TEST_F(Cache, ThreadsChangeNothing) {
  const std::string one = testing::ReadAll(Build()->path());
  for (const std::size_t threads : {2U, 5U}) {
    std::filesystem::remove_all(scratch_ / "cache");
    CacheOptions options = Quiet();
    options.threads = threads;
    EXPECT_EQ(testing::ReadAll(Build(options)->path()), one) << threads;
  }
}

// A vocabulary above 65,536 takes four bytes an id.
class Wide final : public chat::Tokenizer {
 public:
  explicit Wide(const chat::Tokenizer& bytes) : bytes_(bytes) {}
  std::vector<chat::TokenId> Encode(std::string_view text) const override {
    std::vector<chat::TokenId> ids = bytes_.Encode(text);
    for (chat::TokenId& id : ids) id += 70000;
    return ids;
  }
  std::optional<chat::TokenId> Special(std::string_view text) const override { return bytes_.Special(text); }
  std::string Piece(chat::TokenId id) const override { return bytes_.Piece(id >= 70000 ? id - 70000 : id); }
  std::optional<chat::TokenId> Bos() const override { return std::nullopt; }
  bool IsEndOfGeneration(chat::TokenId) const override { return false; }
  std::size_t size() const override { return 70256; }

 private:
  const chat::Tokenizer& bytes_;
};

TEST_F(Cache, WideIds) {
  const Wide wide(*bytes_.tokenizer);
  const auto cache = OpenOrBuildCache(scratch_ / "cache", files_, *bytes_.dialect, wide, Quiet());
  std::vector<Example> examples = Expected();
  for (Example& example : examples) {
    for (chat::TokenId& id : example.ids) id += id < 256 ? 70000 : 0;
  }
  ExpectHolds(*cache, examples);
}

TEST_F(Cache, KeyNamesAllThatDecidesTheContent) {
  const std::string key = CacheKey(files_, *bytes_.dialect, *bytes_.tokenizer, Quiet());
  std::vector<std::string> keys = {key};
  const auto add = [&](const CacheOptions& options) {
    keys.push_back(CacheKey(files_, *bytes_.dialect, *bytes_.tokenizer, options));
  };
  CacheOptions options = Quiet();
  options.threads = 7;
  EXPECT_EQ(CacheKey(files_, *bytes_.dialect, *bytes_.tokenizer, options), key);
  add(Quiet(1024));
  options = Quiet(), options.over_long = OverLong::kTruncate, add(options);
  options = Quiet(), options.example.recorded = RecordedTokens::kIgnore, add(options);
  options = Quiet(), options.example.observation = chat::LoadObservationPolicy("raw"), add(options);
  options = Quiet(), options.example.mask.of(chat::TokenRole::kUser) = 1, add(options);
  const Bytes other("llama3");
  keys.push_back(CacheKey(files_, *other.dialect, *other.tokenizer, Quiet()));
  keys.push_back(CacheKey(files_, *bytes_.dialect, Wide(*bytes_.tokenizer), Quiet()));
  keys.push_back(CacheKey({files_[0]}, *bytes_.dialect, *bytes_.tokenizer, Quiet()));
  testing::WriteAll(files_[1].path, testing::ReadAll(files_[1].path) + "\n");
  add(Quiet());
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
  EXPECT_THAT(ErrorOf([&] { TokenCache(Build()->path(), keys.back() == key ? keys.front() : key); }),
              HasSubstr("other data or options"));
}

TEST_F(Cache, AnyDamageIsRefusedAndBuiltAgain) {
  const std::filesystem::path path = Build()->path();
  const std::string whole = testing::ReadAll(path);
  std::mt19937_64 random(seed_);
  std::vector<std::string> damaged = {"", "no cache", whole.substr(0, whole.size() / 2), whole + std::string(8, '\0'),
                                      whole.substr(0, whole.size() - 1)};
  for (int i = 0; i < 300; ++i) {
    damaged.push_back(whole);
    // Half of them in the last bytes, where the sizes are.
    const std::size_t at = i % 2 == 0 ? random() % whole.size() : whole.size() - 1 - random() % 280;
    damaged.back()[at] = static_cast<char>(damaged.back()[at] ^ (1 << random() % 8));
  }
  for (const std::string& content : damaged) {
    testing::WriteAll(path, content);
    EXPECT_THAT(ErrorOf([&] { TokenCache{path}; }), StartsWith(path.string() + ": "));
  }
  ExpectHolds(*Build(), Expected());
  EXPECT_EQ(testing::ReadAll(path), whole);
}

TEST_F(Cache, WhatIsTooLongIsCountedAndNamed) {
  std::vector<Example> examples = Expected();
  constexpr std::size_t kLength = 500;
  std::vector<Example> short_enough;
  std::string named;
  for (const Example& example : examples) {
    if (example.ids.size() <= kLength) {
      short_enough.push_back(example);
    } else {
      named += example.source + ": " + std::to_string(example.ids.size()) + " tokens, a row has 500: left out\n";
    }
  }
  ASSERT_GT(short_enough.size(), 10U);
  ASSERT_LT(short_enough.size(), 80U);
  CacheOptions options = Quiet(kLength);
  options.quiet = false;
  ::testing::internal::CaptureStderr();
  const auto cache = Build(options);
  const std::string notice = ::testing::internal::GetCapturedStderr();
  ExpectHolds(*cache, short_enough);
  EXPECT_EQ(cache->notes(), named);
  EXPECT_EQ(cache->counts().dropped, 90 - short_enough.size());
  EXPECT_EQ(testing::ReadAll(cache->path().string() + ".left-out.txt"), named);
  EXPECT_THAT(notice, HasSubstr(std::to_string(90 - short_enough.size()) +
                                " transcripts longer than 500 tokens left out, of 90 (all are named in "));
  EXPECT_THAT(notice, HasSubstr("  " + named.substr(0, named.find('\n') + 1)));
}

TEST_F(Cache, OrIsCut) {
  CacheOptions options = Quiet(500);
  options.over_long = OverLong::kTruncate;
  const auto cache = Build(options);
  std::vector<Example> examples = Expected();
  std::size_t cut = 0;
  for (Example& example : examples) {
    if (example.ids.size() <= 500) continue;
    ++cut;
    example.ids.resize(500);
    example.roles.resize(500);
    example.weights.resize(500);
  }
  ExpectHolds(*cache, examples);
  EXPECT_EQ(cache->counts().truncated, cut);
  EXPECT_THAT(std::string(cache->notes()), HasSubstr("tokens, a row has 500: cut\n"));
}

std::string Instruct(const std::string& blocks) {
  return R"({"messages": [{"role": "user", "content": "What?"}, {"role": "assistant", "content": [)" + blocks + "]}]}\n";
}

TEST_F(Cache, ADatasetWithoutATokenToLearnIsRefused) {
  const auto error = [&](const std::string& content, const CacheOptions& options) {
    testing::WriteAll(scratch_ / "none.jsonl", content);
    return ErrorOf([&] { testing::Build(scratch_, {{scratch_ / "none.jsonl", 1}}, bytes_, options); });
  };
  const std::string name = (scratch_ / "none.jsonl").string();
  const std::string output = Instruct(R"({"type": "execution", "content": "7"})");
  CacheOptions no_text = Quiet();
  no_text.example.mask.of(chat::TokenRole::kText) = 0;
  EXPECT_THAT(error("", Quiet()), StartsWith(name + ": nothing to train on: no record at all; a transcript needs text or code"));
  EXPECT_THAT(error(Instruct("") + Instruct(""), Quiet()), StartsWith(name + ": nothing to train on: no token that the mask lets"));
  EXPECT_THAT(error(output, no_text), StartsWith(name + ": nothing to train on: no token that the mask lets the model learn; "));
  EXPECT_THAT(error(Instruct(R"({"type": "text", "content": "7"})"), Quiet(20)),
              StartsWith(name + ": nothing to train on: 1 transcript longer than a row of 20 tokens"));
  EXPECT_EQ(Leftovers(), 0U);
  // Beside others it is left out and named.
  const auto cache = testing::Build(scratch_, {files_[0], {scratch_ / "none.jsonl", 1}}, bytes_, no_text);
  EXPECT_THAT(std::string(cache->notes()), HasSubstr("none.jsonl:1: no token to learn: left out\n"));
}

TEST_F(Cache, BadRecordsAndOtherTokenizersAreOneMessage) {
  const std::string name = (scratch_ / "bad.jsonl").string();
  const auto error = [&](const std::string& content, std::size_t threads) {
    testing::WriteAll(name, content);
    CacheOptions options = Quiet();
    options.threads = threads;
    return ErrorOf([&] { testing::Build(scratch_, {files_[0], {name, 1}}, bytes_, options); });
  };
  const std::string good = Instruct(R"({"type": "text", "content": "7"})");
  for (const std::size_t threads : {1U, 3U}) {
    EXPECT_THAT(error(good + "{\n", threads), StartsWith(name + ":2: not JSON"));
    EXPECT_THAT(error(good + "\n{\"messages\": 7}\n" + good + "{}\n", threads),
                AllOf(StartsWith(name + ":3: "), HasSubstr("; 2 of 64 records cannot be used, this is the first")));
    EXPECT_THAT(error("\xFF\n", threads), HasSubstr("UTF-8"));
  }
  // Recorded by another model.
  base::Json record = base::Json::parse(good);
  chat::Transcript transcript = *chat::ReadTranscript(record);
  transcript.published = nullptr;
  transcript.token_ids = {7, 8, 263};
  transcript.token_roles = {chat::TokenRole::kTemplate, chat::TokenRole::kText, chat::TokenRole::kText};
  EXPECT_THAT(error(good + base::Dump(chat::WriteTranscript(transcript)) + "\n", 1),
              StartsWith(name + ":2: its token ids are not those of this tokenizer: token 1 is 7 ("));
  EXPECT_EQ(Leftovers(), 0U);
  // A vocabulary that cannot write the dialect, before a file is read.
  const auto plain = chat::MakeByteTokenizer({"<|text|>"});
  EXPECT_THAT(ErrorOf([&] {
                OpenOrBuildCache(scratch_ / "cache", {{"missing", 1}}, *bytes_.dialect, *plain, Quiet());
              }),
              HasSubstr("no control token <|system|>, <|user|>, <|assistant|>, <|code|>"));
}

TEST_F(Cache, SourcesAreNamedWhereTheyAreWrong) {
  EXPECT_THAT(ErrorOf([&] { ExpandSources({{(scratch_ / "x*.jsonl").string(), 1}}); }), HasSubstr("there is no such file"));
  EXPECT_THAT(ErrorOf([&] { ExpandSources({}); }), HasSubstr("names no file"));
  EXPECT_THAT(ErrorOf([&] { ExpandSources({{(scratch_ / "a.jsonl").string(), -1}}); }), HasSubstr("repeat is -1"));
  EXPECT_THAT(ErrorOf([&] {
                ExpandSources({{(scratch_ / "a.jsonl").string(), 1}, {(scratch_ / "*.jsonl").string(), 1}});
              }),
              HasSubstr("named twice"));
  EXPECT_EQ(files_.size(), 2U);
  testing::WriteAll(scratch_ / "odd:2", "");
  const std::string odd = (scratch_ / "odd:2").string();
  for (const auto& [text, files, repeat] : std::initializer_list<std::tuple<std::string, std::string, double>>{
           {"x.jsonl", "x.jsonl", 1}, {"x.jsonl:0.25", "x.jsonl", 0.25}, {"x*:3", "x*", 3}, {"c:x", "c:x", 1}, {odd, odd, 1}}) {
    EXPECT_EQ(ParseSource(text).files, files);
    EXPECT_EQ(ParseSource(text).repeat, repeat);
  }
}

// kill -9 at any moment: the folder holds no cache or a whole one, and the next build removes what was left over.
TEST_F(Cache, AKilledBuildLeavesNothingHalfWritten) {
  std::mt19937_64 random(seed_);
  testing::WriteAll(scratch_ / "a.jsonl", testing::RandomRecords(random, 3000));
  const std::string whole = testing::ReadAll(Build()->path());
  const std::filesystem::path path = Build()->path();
  std::filesystem::remove(path);
  const auto start = std::chrono::steady_clock::now();
  Build();
  const auto span = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
  std::filesystem::remove(path);
  int killed = 0;
  int torn = 0;
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        Build();
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % static_cast<std::uint64_t>(span * 5 / 4)));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    killed += WIFSIGNALED(status) ? 1 : 0;
    torn += Leftovers() > 0 ? 1 : 0;
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    if (std::filesystem::exists(path)) {
      EXPECT_EQ(testing::ReadAll(path), whole);
      std::filesystem::remove(path);
    }
  }
  std::printf("%d of 20 killed, %d while the file was written\n", killed, torn);
  EXPECT_GT(killed, 0);
  Build();
  EXPECT_EQ(testing::ReadAll(path), whole);
  EXPECT_EQ(Leftovers(), 0U);
}

TEST_F(Cache, ProcessesThatStartTogetherBuildItOnce) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        ::_exit(Build()->size() == 90 ? 0 : 1);
      } catch (...) {
        ::_exit(2);
      }
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  EXPECT_EQ(Leftovers(), 0U);
  ExpectHolds(*Build(), Expected());
}

}  // namespace
}  // namespace mathcoder::train
