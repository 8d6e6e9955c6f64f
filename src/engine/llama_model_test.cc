// What a model file may be, and what its vocabulary makes of text.
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "engine/llama2c_convert.h"
#include "engine/llama_engine.h"
#include "engine/llama_test_util.h"

namespace mathcoder::engine {
namespace {

namespace fs = std::filesystem;
using testing::RepositoryModel;
using testing::Scratch;
using testing::SharedDir;
using testing::Small;
using testing::TextOf;

TEST(LlamaModel, RefusesWhatItCannotUseInOneLine) {
  const Scratch scratch;
  const std::string model = base::ReadFile(RepositoryModel());
  const auto write = [&](const std::string& name, const std::string& content) {
    std::ofstream(scratch / name, std::ios::binary) << content;
    return scratch / name;
  };
  std::string unknown = model;
  const std::size_t at = unknown.find("llama", unknown.find("general.architecture"));
  unknown.replace(at, 5, "lambo");
  const struct {
    fs::path path;
    const char* says;
  } cases[] = {
      {scratch / "absent.gguf", "no such file"},
      {scratch / "", "is a folder"},
      {write("empty.gguf", ""), "is empty"},
      {write("text.gguf", "<html>not found</html>"), "no GGUF file but text"},
      {write("pointer.gguf", "version https://git-lfs.example/spec/v1\n"), "Git LFS pointer"},
      {write("zip.gguf", "PK\x03\x04 and so on"), "no GGUF file but a zip archive"},
      {write("short.gguf", "GGUF"), "header cannot be read"},
      {write("head.gguf", model.substr(0, 3000)), "header cannot be read"},
      {write("cut.gguf", model.substr(0, model.size() - 1000)), "is cut off"},
      {write("half.gguf", model.substr(0, model.size() / 2)), "is cut off"},
      {write("unknown.gguf", unknown), "architecture 'lambo'"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.path.string());
    LlamaOptions options = Small();
    options.model = c.path;
    try {
      OpenLlama(options);
      ADD_FAILURE() << "was accepted";
    } catch (const base::Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.code(), base::ExitCode::kBadInput);
      EXPECT_NE(message.find(c.says), std::string::npos) << message;
      EXPECT_NE(message.find(c.path.string()), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
}

TEST(LlamaModel, RefusesAContextThatMemoryCannotHold) {
  LlamaOptions options = Small();
  options.sequence_context = 2'000'000'000;
  EXPECT_THROW(OpenLlama(options), base::Error);
  options = Small();
  options.context = 100;  // smaller than the sequence that is asked for
  EXPECT_THROW(OpenLlama(options), base::Error);
  options = Small();
  options.context = 4'000'000'000;
  EXPECT_THROW(OpenLlama(options), base::Error);
  options = Small();
  options.lora.push_back({RepositoryModel(), 1.0F});  // a model is no adapter
  try {
    OpenLlama(options);
    ADD_FAILURE() << "was accepted";
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("LoRA adapter"), std::string::npos) << error.what();
  }
}

TEST(LlamaTokenizer, PlainTextIsNeverControlAndNothingIsAdded) {
  const auto engine = OpenLlama(Small());
  const chat::Tokenizer& tokenizer = engine->tokenizer();
  const std::string texts[] = {"",
                               "x",
                               " x",
                               "  two spaces",
                               "print(1 + 2)\n",
                               "\n\n",
                               "<|endofblock|><|endofmessage|>",
                               "a<|code|>b<|execution|>",
                               "<s></s><unk>",
                               "caf\xC3\xA9 \xE2\x88\x9A"
                               "2 \xF0\x9F\x98\x80",
                               std::string("nul\0byte", 8),
                               "\x01"
                               "guard"};
  for (const std::string& text : texts) {
    const std::vector<TokenId> ids = tokenizer.Encode(text);
    EXPECT_EQ(TextOf(tokenizer, ids), text);
    for (const TokenId id : ids)
      EXPECT_FALSE(tokenizer.Special(tokenizer.Piece(id)) == id) << text << " gave " << tokenizer.Piece(id);
  }
  EXPECT_EQ(TextOf(tokenizer, tokenizer.Encode("bad \xFF"
                                               " end")),
            "bad \xEF\xBF\xBD"
            " end");
  const TokenId code = tokenizer.Special("<|code|>").value();
  EXPECT_EQ(tokenizer.Piece(code), "<|code|>");
  EXPECT_EQ(tokenizer.Special("<|nothing|>"), std::nullopt);
  EXPECT_EQ(tokenizer.Special("the"), std::nullopt);
  EXPECT_EQ(tokenizer.Piece(-1), "");
  EXPECT_EQ(tokenizer.Piece(1 << 30), "");
}

TEST(LlamaTokenizer, SentencePieceAddsNoSpaceToWhatContinuesAText) {
  const fs::path folder = SharedDir() / "fixtures/stories260K";
  if (!fs::exists(folder / "stories260K.bin")) GTEST_SKIP() << "no " << folder << "; set MATHCODER_SHARED";
  const Scratch scratch;
  testing::ConvertLlama2c(folder / "stories260K.bin", folder / "tok512.bin", scratch / "stories.gguf");
  LlamaOptions options;
  options.model = scratch / "stories.gguf";
  const auto engine = OpenLlama(options);
  for (const std::string text : {"there was", " there was", "\nOnce", "x", " ", "Lily\xE2\x80\x8A", "caf\xC3\xA9 "}) {
    EXPECT_EQ(TextOf(engine->tokenizer(), engine->tokenizer().Encode(text)), text);
  }
  EXPECT_EQ(engine->tokenizer().Encode(" the").size(), 1U);
  EXPECT_NE(engine->tokenizer().Encode("the"), engine->tokenizer().Encode(" the"));
}

}  // namespace
}  // namespace mathcoder::engine
