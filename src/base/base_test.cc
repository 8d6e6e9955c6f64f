#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "base/jsonl.h"
#include "base/progress.h"
#include "base/utf8.h"

namespace mathcoder::base {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "mathcoder-base-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { fs::remove_all(dir_); }
  void Write(const fs::path& path, std::string_view content) { std::ofstream(path, std::ios::binary) << content; }
  fs::path dir_;
};

TEST_F(FileTest, AtomicWriteReplacesWholeContentAndLeavesNothingElse) {
  WriteFileAtomically(dir_ / "a", "one");
  WriteFileAtomically(dir_ / "a", "two");
  EXPECT_EQ(ReadFile(dir_ / "a"), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 1);
}

TEST_F(FileTest, AtomicWriteToAMissingFolderNamesThePath) {
  try {
    WriteFileAtomically(dir_ / "no" / "a", "x");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no/a"));
    EXPECT_EQ(error.code(), ExitCode::kOutput);
  }
}

TEST_F(FileTest, RecordFileCutsATornLastRecord) {
  Write(dir_ / "r", "{\"a\":1}\n{\"b\":2}\n{\"c\"");
  {
    RecordFile file(dir_ / "r");
    EXPECT_EQ(file.torn_bytes(), 4U);
    file.Append("{\"d\":4}");
  }
  EXPECT_EQ(ReadFile(dir_ / "r"), "{\"a\":1}\n{\"b\":2}\n{\"d\":4}\n");
}

TEST_F(FileTest, RecordFileOfOneTornRecordBecomesEmpty) {
  Write(dir_ / "r", '{' + std::string(9999, 'x'));
  RecordFile file(dir_ / "r");
  EXPECT_EQ(file.torn_bytes(), 10000U);
  EXPECT_EQ(ReadFile(dir_ / "r"), "");
}

TEST_F(FileTest, AWholeRecordWithoutItsNewlineIsKept) {
  Write(dir_ / "r", "{\"a\":1}\n{\"b\":2}");
  RecordFile(dir_ / "r").Append("{}");
  EXPECT_EQ(ReadFile(dir_ / "r"), "{\"a\":1}\n{\"b\":2}\n{}\n");
}

TEST_F(FileTest, AFileOfSomethingElseIsLeftAsItIs) {
  Write(dir_ / "notes", "buy milk\ncall home");
  EXPECT_THROW(RecordFile(dir_ / "notes"), Error);
  EXPECT_EQ(ReadFile(dir_ / "notes"), "buy milk\ncall home");
}

TEST_F(FileTest, TwoWritersOfOneRecordFileAreRefused) {
  RecordFile first(dir_ / "r");
  EXPECT_THROW(RecordFile second(dir_ / "r"), Error);
}

// A full disk, as the kernel reports it: a file size limit makes write(2) come short in the middle of a record.
TEST_F(FileTest, AFullDiskKeepsWholeRecordsOnly) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit limit = before;
  limit.rlim_cur = 1000;
  RecordFile file(dir_ / "r");
  const std::string record(300, 'x');
  ::setrlimit(RLIMIT_FSIZE, &limit);
  for (int i = 0; i < 3; ++i) file.Append(record);
  EXPECT_THROW(file.Append(record), Error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(fs::file_size(dir_ / "r"), 903U);
  file.Append("{}");
  EXPECT_THAT(ReadFile(dir_ / "r"), ::testing::EndsWith("x\n{}\n"));
}

TEST_F(FileTest, JsonLinesNamesFileAndLineAndGoesOn) {
  Write(dir_ / "j", "\xEF\xBB\xBF{\"a\":1}\n\n{\"a\":\n[1]\n{\"a\":\"\xFF\"}\n{\"a\":2}");
  JsonLines lines(dir_ / "j");
  EXPECT_EQ((**lines.Next())["a"], 1);
  EXPECT_THAT(lines.Next()->error(), HasSubstr("/j:3: not JSON"));
  EXPECT_THAT(lines.Next()->error(), HasSubstr("/j:4: a JSON array"));
  EXPECT_THAT(lines.Next()->error(), HasSubstr("/j:5: invalid UTF-8 at byte 7"));
  EXPECT_EQ((**lines.Next())["a"], 2);
  EXPECT_FALSE(lines.Next().has_value());
}

TEST_F(FileTest, Sha256AgreesWithThePublishedVector) {
  Write(dir_ / "abc", "abc");
  constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // FIPS 180-2, B.1
  EXPECT_EQ(Sha256("abc"), kAbc);
  EXPECT_EQ(Sha256OfFile(dir_ / "abc"), kAbc);
}

TEST(Utf8, InvalidRunsBecomeOneReplacementEach) {
  const struct {
    std::string in, out;
  } cases[] = {
      {"plain", "plain"},
      {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {"a\xFFz", "a\xEF\xBF\xBDz"},
      {"a\xE2\x82", "a\xEF\xBF\xBD"},
      {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},  // a surrogate
      {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},                  // overlong
  };
  for (const auto& test : cases) {
    EXPECT_EQ(ReplaceInvalidUtf8(test.in), test.out);
    EXPECT_EQ(IsValidUtf8(test.in), test.in == test.out);
    EXPECT_TRUE(IsValidUtf8(ReplaceInvalidUtf8(test.in)));
  }
}

TEST(Utf8, CompletePrefixNeverCutsACharacter) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
  const std::size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
  for (std::size_t n = 0; n <= text.size(); ++n) EXPECT_EQ(CompleteUtf8Prefix(text.substr(0, n)), expected[n]) << n;
  EXPECT_EQ(CompleteUtf8Prefix("a\xFF"), 2U);  // invalid is not incomplete
}

TEST(Progress, DurationsReadWell) {
  using std::chrono::duration;
  EXPECT_EQ(Progress::Duration(duration<double>(4.23)), "4.2 s");
  EXPECT_EQ(Progress::Duration(duration<double>(200)), "3 min 20 s");
  EXPECT_EQ(Progress::Duration(duration<double>(3720)), "1 h 02 min");
}

}  // namespace
}  // namespace mathcoder::base
