// Shared by the tests of the room.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "chat/dialect.h"
#include "chat/tokenizer.h"
#include "train/data/token_cache.h"

namespace mathcoder::train::testing {

inline std::filesystem::path SharedDir() {
  const char* set = std::getenv("MATHCODER_SHARED");
  return set != nullptr ? std::filesystem::path(set) : std::filesystem::path(MATHCODER_SOURCE_DIR) / "../shared";
}

// The files of published transcripts, by name; empty without ../shared.
inline std::vector<DataFile> SharedTranscripts() {
  const std::filesystem::path folder = SharedDir() / "transcripts";
  return std::filesystem::is_directory(folder) ? ExpandSources({{(folder / "*/*.jsonl").string(), 1}}) : std::vector<DataFile>();
}

// A folder that goes away.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mathcoder-train-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// The message of the base::Error that `call` throws; empty where it throws none.
template <typename F>
std::string ErrorOf(F call) {
  try {
    call();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

inline std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void WriteAll(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

// Prints it where the test fails; MATHCODER_TEST_SEED repeats one.
inline std::uint64_t Seed() {
  const char* set = std::getenv("MATHCODER_TEST_SEED");
  return set != nullptr ? std::strtoull(set, nullptr, 10) : std::random_device{}();
}

// A solved problem in the form of MathCodeInstruct: text, then some code with its output, then text.
inline base::Json RandomRecord(std::mt19937_64& random, std::size_t most_words = 40) {
  static const char* const kWords[] = {"sum",        "x = 3.25",   "<|code|>", "Lösung",      "π",
                                       "print(x)\n", "\\boxed{7}", "数学",     "0.123456789", " "};
  const auto text = [&] {
    std::string words = "w";
    for (std::size_t n = random() % most_words; n > 0; --n) words += std::string(" ") + kWords[random() % std::size(kWords)];
    return words;
  };
  base::Json blocks = base::Json::array({{{"type", "text"}, {"content", text()}}});
  for (std::size_t n = random() % 3; n > 0; --n) {
    blocks.push_back({{"type", "code"}, {"content", text()}});
    blocks.push_back({{"type", "execution"}, {"content", text()}});
    blocks.push_back({{"type", "text"}, {"content", text()}});
  }
  return {{"messages", base::Json::array({{{"role", "user"}, {"content", "Question " + std::to_string(random() % 1000)}},
                                          {{"role", "assistant"}, {"content", blocks}}})}};
}

inline std::string RandomRecords(std::mt19937_64& random, std::size_t n, std::size_t most_words = 40) {
  std::string lines;
  for (std::size_t i = 0; i < n; ++i) lines += base::Dump(RandomRecord(random, most_words)) + "\n";
  return lines;
}

// A dialect and the vocabulary of bytes that can write it.
struct Bytes {
  explicit Bytes(const std::string& name)
      : dialect(chat::LoadDialect(name)), tokenizer(chat::MakeByteTokenizer(dialect->special_strings())) {}
  std::shared_ptr<const chat::Dialect> dialect;
  std::unique_ptr<chat::Tokenizer> tokenizer;
};

inline CacheOptions Quiet(std::size_t length = 2048) {
  CacheOptions options;
  options.length = length;
  options.threads = 1;
  options.quiet = true;
  return options;
}

// The cache of `files` in the scratch folder.
inline std::unique_ptr<TokenCache> Build(const Scratch& scratch, const std::vector<DataFile>& files, const Bytes& bytes,
                                         const CacheOptions& options) {
  return OpenOrBuildCache(scratch / "cache", files, *bytes.dialect, *bytes.tokenizer, options);
}

}  // namespace mathcoder::train::testing
