#include "weights/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/file.h"
#include "base/json.h"
#include "chat/dialect.h"
#include "engine/gguf_file.h"
#include "engine/llama_engine.h"
#include "engine/llama_vocabulary.h"
#include "weights/hf_tokenizer.h"
#include "weights/hf_weights.h"
#include "weights/model_tensors.h"
#include "weights/testing.h"
#include "weights/tokenizer.h"

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;
using base::Json;
using ::testing::AllOf;
using testing::ErrorOf;
using ::testing::HasSubstr;
using testing::Scratch;

// GPT-2's letters for bytes.
std::vector<std::string> ByteLetters() {
  std::vector<std::string> letters;
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const int code = printable ? byte : next++;
    letters.push_back(code < 128 ? std::string(1, static_cast<char>(code))
                                 : std::string{static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))});
  }
  return letters;
}

Vocabulary Bytes() {
  Vocabulary vocabulary;
  vocabulary.pre = "smollm";
  vocabulary.tokens.push_back({"<|pad|>", TokenType::kControl, 0});
  vocabulary.tokens.push_back({"<|end|>", TokenType::kControl, 0});
  for (const std::string& letter : ByteLetters()) vocabulary.tokens.push_back({letter, TokenType::kNormal, 0});
  vocabulary.tokens.push_back({"th", TokenType::kNormal, 0});
  vocabulary.tokens.push_back({"the", TokenType::kNormal, 0});
  vocabulary.merges = {"t h", "th e"};
  vocabulary.pad = 0;
  vocabulary.eos = 1;
  return vocabulary;
}

constexpr std::int64_t kRows = 264;

struct Folder {
  explicit Folder(const std::string& changes = "{}", DType type = DType::kBF16, const std::string& leave_out = "") {
    Json json = Json::parse(R"({"architectures":["LlamaForCausalLM"],"model_type":"llama","vocab_size":264,"hidden_size":32,
      "intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":256,
      "rope_theta":10000.0,"torch_dtype":"bfloat16","mine":{"b":1,"a":2}})");
    json.merge_patch(Json::parse(changes));
    base::WriteFileAtomically(path() / "config.json", json.dump(1));
    for (const auto& [name, content] : HfFilesOf(Bytes(), {})) base::WriteFileAtomically(path() / name, content);
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, 0.2F);
    std::vector<OutputTensor> tensors;
    for (const TensorSpec& spec : ExpectedTensors(ReadModelConfig(path()))) {
      if (!leave_out.empty() && spec.name.find(leave_out) != std::string::npos) continue;
      std::vector<float> values(Elements(spec.shape));
      for (float& value : values) value = normal(random) + (spec.name.find("norm") != std::string::npos ? 1.0F : 0.0F);
      std::vector<std::byte> bytes(values.size() * SizeOf(type));
      FromFloats(type, values, bytes);
      tensors.push_back({{spec.name, type, spec.shape}, [bytes](const auto& write) { write(bytes); }});
    }
    WriteHfWeights(path(), tensors, {});
  }
  const fs::path& path() const { return scratch.path(); }
  Scratch scratch;
};

void ExpectSameTensors(const fs::path& one, const fs::path& two) {
  const HfWeights a(one);
  const HfWeights b(two);
  EXPECT_EQ(a.tensors().size(), b.tensors().size());
  for (const TensorView* tensor : a.tensors()) {
    const TensorView& other = b.Get(tensor->name);
    EXPECT_EQ(tensor->dtype, other.dtype) << tensor->name;
    EXPECT_TRUE(std::equal(tensor->bytes.begin(), tensor->bytes.end(), other.bytes.begin(), other.bytes.end())) << tensor->name;
  }
}

TEST(ConvertTest, ComesBackToTheBitInEveryType) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const char* family :
         {R"({})", R"({"architectures":["Qwen2ForCausalLM"]})", R"({"tie_word_embeddings":true})",
          R"({"attention_bias":true,"mlp_bias":true,"rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,
                                  "high_freq_factor":4.0,"original_max_position_embeddings":64}})"}) {
      const Folder folder(family, type);
      const Scratch out;
      ConvertHfToGguf(folder.path(), out / "m.gguf", {});
      ConvertGgufToHf(out / "m.gguf", out / "hf", {});
      ExpectSameTensors(folder.path(), out / "hf");
      EXPECT_EQ(base::ReadFile(out / "hf/config.json"), base::ReadFile(folder.path() / "config.json"));
      EXPECT_EQ(base::ReadFile(out / "hf/tokenizer.json"), base::ReadFile(folder.path() / "tokenizer.json"));
      EXPECT_EQ(base::ReadFile(out / "hf/tokenizer_config.json"), base::ReadFile(folder.path() / "tokenizer_config.json"));
    }
  }
}

TEST(ConvertTest, RowsOfQueriesAndKeysChangeTheirOrder) {
  const Folder folder;
  const Scratch out;
  ConvertHfToGguf(folder.path(), out / "m.gguf", {});
  const engine::GgufFile file(out / "m.gguf");
  const HfWeights weights(folder.path());
  const TensorView& hf = weights.Get("model.layers.1.self_attn.q_proj.weight");
  const engine::GgufTensor* gguf = file.Find("blk.1.attn_q.weight");
  ASSERT_NE(gguf, nullptr);
  EXPECT_EQ(gguf->type, "bf16");
  const std::size_t row = 64;  // 32 numbers of 16 bits; a head has 8 rows
  // Row 1 of a head is the first of the second half.
  EXPECT_TRUE(std::equal(gguf->bytes.begin() + row, gguf->bytes.begin() + 2 * row, hf.bytes.begin() + 4 * row));
  EXPECT_EQ(file.Find("output_norm.weight")->type, "f32");
  EXPECT_EQ(file.Text("general.architecture"), "llama");
  EXPECT_EQ(file.Number("llama.context_length"), 256);
}

TEST(ConvertTest, AddsADialectsTokensWithMeanRows) {
  const Folder folder;
  const Scratch out;
  const auto dialect = chat::LoadDialect("mathcoder");
  const ConvertReport report = ConvertHfToHf(folder.path(), out / "hf", {.dialect = "mathcoder", .add_dialect_tokens = true});
  EXPECT_EQ(report.added_tokens, dialect->special_strings());
  EXPECT_EQ(report.vocabulary, 268U);  // 260 tokens of 264 rows, 8 more
  EXPECT_EQ(ReadModelConfig(out / "hf").vocab_size, 268);
  const auto tokenizer = OpenTokenizer(out / "hf");
  EXPECT_EQ(tokenizer->Special("<|system|>"), 260);
  dialect->CheckVocabulary(*tokenizer);
  EXPECT_EQ(tokenizer->Encode("<|code|>").size(), 8U) << "text is no token";

  // New rows, in padding and behind it, are the mean of the 260 that were known.
  const HfWeights before(folder.path());
  const HfWeights after(out / "hf");
  for (const char* name : {"model.embed_tokens.weight", "lm_head.weight"}) {
    std::vector<float> old(kRows * 32), now(268 * 32);
    ToFloats(DType::kBF16, before.Get(name).bytes, old);
    ToFloats(DType::kBF16, after.Get(name).bytes, now);
    for (std::size_t column = 0; column < 32; ++column) {
      double mean = 0;
      for (std::size_t row = 0; row < 260; ++row) {
        mean += static_cast<double>(old[row * 32 + column]) / 260;
        EXPECT_EQ(old[row * 32 + column], now[row * 32 + column]);
      }
      for (const std::size_t row : {260U, 267U}) EXPECT_NEAR(now[row * 32 + column], mean, 1e-3) << name;
    }
  }
  // On to GGUF and back.
  ConvertHfToGguf(out / "hf", out / "m.gguf", {});
  const auto gguf = engine::OpenVocabulary(out / "m.gguf");
  EXPECT_EQ(gguf->size(), 268U);
  EXPECT_EQ(engine::GgufFile(out / "m.gguf").Text("mathcoder.dialect"), "mathcoder");
  ConvertGgufToHf(out / "m.gguf", out / "back", {});
  for (const std::string& text : dialect->special_strings()) {
    EXPECT_EQ(gguf->Special(text), tokenizer->Special(text));
    EXPECT_EQ(OpenTokenizer(out / "back")->Special(text), tokenizer->Special(text));
  }
  // Nothing is added twice.
  EXPECT_TRUE(
      ConvertHfToHf(out / "back", out / "again", {.dialect = "mathcoder", .add_dialect_tokens = true}).added_tokens.empty());
  ExpectSameTensors(out / "back", out / "again");
}

TEST(ConvertTest, QuantisedFilesLoadAndGenerate) {
  const Folder folder;
  for (const char* type : {"q8_0", "q4_k_m", "q4_0"}) {
    const Scratch out;
    ConvertHfToGguf(folder.path(), out / "m.gguf", {.type = type, .dialect = "tora", .threads = 1});
    EXPECT_EQ(std::distance(fs::directory_iterator(out.path()), fs::directory_iterator()), 1) << "the intermediate file is left";
    engine::LlamaOptions options;
    options.model = out / "m.gguf";
    options.parallel = 1;
    options.threads = 1;
    const auto engine = engine::OpenLlama(options);
    EXPECT_EQ(engine->tokenizer().size(), 264U);
    // Back from it: rounded, but a folder.
    ConvertGgufToHf(out / "m.gguf", out / "hf", {});
    std::vector<float> before(32 * 32), after(32 * 32);
    ToFloats(DType::kBF16, HfWeights(folder.path()).Get("model.layers.0.self_attn.q_proj.weight").bytes, before);
    ToFloats(DType::kBF16, HfWeights(out / "hf").Get("model.layers.0.self_attn.q_proj.weight").bytes, after);
    double worst = 0;
    for (std::size_t i = 0; i < before.size(); ++i) worst = std::max(worst, std::fabs(static_cast<double>(before[i] - after[i])));
    EXPECT_LT(worst, 0.1) << type;
    EXPECT_GT(worst, 0) << type;
  }
}

TEST(ConvertTest, RefusesWrongInputInOneLine) {
  const Scratch out;
  const auto error = [&](const fs::path& in, const ConvertOptions& options = {}) {
    const std::string message = ErrorOf([&] { ConvertHfToGguf(in, out / "m.gguf", options); });
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_FALSE(fs::exists(out / "m.gguf"));
    return message;
  };
  EXPECT_THAT(error(out / "none"), HasSubstr("cannot be read"));
  EXPECT_THAT(error(out.path()), HasSubstr("holds no config.json"));
  EXPECT_THAT(error(Folder("{}", DType::kBF16, "down_proj").path()),
              AllOf(HasSubstr("2 missing"), HasSubstr("model.layers.0.mlp.down_proj.weight, model.layers.1.mlp.down_proj.weight")));
  EXPECT_THAT(error(Folder(R"({"vocab_size":259})").path()),
              AllOf(HasSubstr("tokenizer does not match"), HasSubstr("260 tokens"), HasSubstr("259 rows")));
  const Folder folder;
  EXPECT_THAT(error(folder.path(), {.type = "q9_k"}), HasSubstr("no type is called 'q9_k'"));
  EXPECT_THAT(error(folder.path(), {.dialect = "mathcoder"}), HasSubstr("<|code|>"));
  EXPECT_THAT(error(folder.path(), {.dialect = "mathcodre"}), HasSubstr("mathcoder"));
  base::WriteFileAtomically(folder.path() / "tokenizer.json", R"({"model":{"type":"Unigram","vocab":[]}})");
  EXPECT_THAT(error(folder.path()), HasSubstr("'Unigram', which is not supported"));
  fs::remove(folder.path() / "tokenizer.json");
  EXPECT_THAT(error(folder.path()), HasSubstr("neither tokenizer.json nor tokenizer.model"));
  base::WriteFileAtomically(out / "x.gguf", "PK\3\4 zip");
  EXPECT_THAT(ErrorOf([&] { ConvertGgufToHf(out / "x.gguf", out / "hf", {}); }), HasSubstr("a zip archive"));
  // What stands there already is left alone.
  const Folder whole;
  EXPECT_THAT(ErrorOf([&] { ConvertHfToHf(whole.path(), out.path(), {}); }), HasSubstr("exists already"));
}

TEST(ConvertTest, GrowsOnlyWhenAsked) {
  const Folder folder(R"({"vocab_size":259})");
  const Scratch out;
  const ConvertReport report = ConvertHfToGguf(folder.path(), out / "m.gguf", {.grow_embeddings = true});
  EXPECT_EQ(report.vocabulary, 260U);
  EXPECT_EQ(engine::GgufFile(out / "m.gguf").Find("token_embd.weight")->shape, (std::vector<std::int64_t>{260, 32}));
  ConvertGgufToHf(out / "m.gguf", out / "hf", {});
  EXPECT_EQ(ReadModelConfig(out / "hf").vocab_size, 260);
}

TEST(ConvertTest, AnInterruptLeavesNothing) {
  const Folder folder;
  const Scratch out;
  const ConvertOptions options{.progress = [](std::uint64_t done, std::uint64_t) {
    if (done > 10000) throw base::Error("interrupted", base::ExitCode::kInterrupted);
  }};
  EXPECT_EQ(ErrorOf([&] { ConvertHfToGguf(folder.path(), out / "m.gguf", options); }), "interrupted");
  EXPECT_EQ(ErrorOf([&] { ConvertHfToHf(folder.path(), out / "hf", options); }), "interrupted");
  EXPECT_TRUE(fs::is_empty(out.path()));
}

TEST(ConvertTest, AFileOfAnotherHandGetsAConfig) {
  const fs::path model = fs::path(MATHCODER_SOURCE_DIR) / "models/mathematics-7m-f16.gguf";
  const Scratch out;
  ConvertGgufToHf(model, out / "hf", {});
  const ModelConfig config = ReadModelConfig(out / "hf");
  EXPECT_EQ(config.hidden_size, 256);
  EXPECT_TRUE(config.tie_word_embeddings);
  const auto gguf = engine::OpenVocabulary(model);
  const auto tokenizer = OpenTokenizer(out / "hf");
  const std::string text = "Let q = 12 - 7. What is 173962?\n\n  print(x)";
  EXPECT_EQ(gguf->Encode(text), tokenizer->Encode(text));
  EXPECT_EQ(gguf->Special("<|code|>"), tokenizer->Special("<|code|>"));
  EXPECT_EQ(tokenizer->IsEndOfGeneration(*gguf->Special("<|endofmessage|>")),
            gguf->IsEndOfGeneration(*gguf->Special("<|endofmessage|>")));
  // And the way back gives the same weights: nothing was lost but the order of files.
  ConvertHfToGguf(out / "hf", out / "m.gguf", {});
  const engine::GgufFile before(model);
  const engine::GgufFile after(out / "m.gguf");
  for (const engine::GgufTensor& tensor : before.tensors()) {
    const engine::GgufTensor* other = after.Find(tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    if (other->type != tensor.type) continue;
    EXPECT_TRUE(std::equal(tensor.bytes.begin(), tensor.bytes.end(), other->bytes.begin(), other->bytes.end())) << tensor.name;
  }
}

}  // namespace
}  // namespace mathcoder::weights
