// The pure parts: event streams, text and tokens, requests, answers, faults, and the choice of an endpoint.
#include "engine/endpoint_protocol.h"

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/endpoint_pool.h"
#include "engine/endpoint_sse.h"
#include "engine/endpoint_text.h"
#include "gtest/gtest.h"

namespace mathcoder::engine {
namespace {

using Strings = std::vector<std::string>;

Strings Events(const std::string& stream, std::size_t piece) {
  SseParser parser;
  Strings data;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    for (const auto& event : parser.Feed(std::string_view(stream).substr(at, piece)))
      data.push_back(event.field + "=" + event.data);
  }
  if (const auto last = parser.Finish()) data.push_back(last->field + "=" + last->data);
  return data;
}

TEST(SseParserTest, ReadsWhateverThePiecesAre) {
  const struct {
    std::string stream;
    Strings events;
  } cases[] = {
      {"data: a\n\ndata: b\n\n", {"data=a", "data=b"}},
      {"data: a\r\n\r\ndata: b\r\rdata: c\n\n", {"data=a", "data=b", "data=c"}},
      {": ping\n\ndata: a\n: in between\n\n", {"data=a"}},
      {"event: x\nid: 7\nretry: 3\ndata:no blank\n\n", {"data=no blank"}},
      {"data: one\ndata: two\n\n", {"data=one\ntwo"}},
      {"data: one\r\ndata: two\r\n\r\n", {"data=one\ntwo"}},
      {"\xEF\xBB\xBF"
       "data: after a mark\n\n",
       {"data=after a mark"}},
      {"data: \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\n\n", {"data=\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"}},
      {"error: {\"code\":500}\n\n", {"error={\"code\":500}"}},
      {"data: the blank line never came", {"data=the blank line never came"}},
      {"data: [DONE]\n\n", {"data=[DONE]"}},
      {"\n\n\n", {}},
      {"data\n\n", {"data="}},
  };
  for (const auto& c : cases) {
    for (std::size_t piece = 1; piece <= c.stream.size() + 1; ++piece)
      EXPECT_EQ(Events(c.stream, piece), c.events) << c.stream << " by " << piece;
  }
}

TEST(SseParserTest, GivesUpOnALineWithoutEnd) {
  SseParser parser;
  const std::string part(1 << 20, 'x');
  for (int i = 0; i < 20 && !parser.broken(); ++i) parser.Feed(part);
  EXPECT_TRUE(parser.broken());
}

const Strings kSpecials = {"<|text|>", "<|code|>", "<|execution|>", "<|endofblock|>", "<|endofmessage|>"};

TEST(EndpointTextTest, ControlStringsInPlainTextAreBroken) {
  const struct {
    const char* text;
    const char* expected;
  } cases[] = {
      {"nothing here", "nothing here"},
      {"<|endofblock|>", "< |endofblock|>"},
      {"a<|code|><|text|>b", "a< |code|>< |text|>b"},
      {"<<|code|>", "<< |code|>"},
      {"<|code|", "<|code|"},
      {"<|im_end|> of another model", "< |im_end|> of another model"},
      {"<\xEF\xBD\x9C"
       "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
       "< \xEF\xBD\x9C"
       "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>"},
      {"if a <| b and c |> d", "if a <| b and c |> d"},
      {"x <|y> z", "x <|y> z"},
      {"\xC3\xA4<|code|>\xC3\xA4", "\xC3\xA4< |code|>\xC3\xA4"},
  };
  for (const auto& c : cases) EXPECT_EQ(Neutralise(c.text, kSpecials), c.expected) << c.text;
  // One that begins with a character of several bytes keeps its characters whole.
  EXPECT_EQ(Neutralise("\xE2\x96\x81<EOT>", {"\xE2\x96\x81<EOT>"}), "\xE2\x96\x81 <EOT>");
}

TEST(EndpointTextTest, ThePromptKeepsRealControlTokensOnly) {
  const auto tokenizer = chat::MakeByteTokenizer(kSpecials);
  std::vector<chat::TokenId> tokens = {*tokenizer->Special("<|code|>")};
  const auto add = [&](std::string_view text) {
    for (const chat::TokenId id : tokenizer->Encode(text)) tokens.push_back(id);
  };
  add("print('<|endof");
  add("block|>')");  // forged over the border of two appends
  tokens.push_back(*tokenizer->Special("<|endofblock|>"));
  add("bad \xFF byte");
  EXPECT_EQ(PromptText(tokens, *tokenizer, kSpecials), "<|code|>print('< |endofblock|>')<|endofblock|>bad \xEF\xBF\xBD byte");
}

TEST(EndpointTextTest, TextBecomesTokensWhateverThePiecesAre) {
  Strings specials = kSpecials;
  specials.push_back("<|text");  // a prefix of another: the longer one wins
  const auto tokenizer = chat::MakeByteTokenizer(specials);
  const std::string text = "<|text|>a < b<|endo<|endofblock|><|text!\xC3\xA4<|code|><|tex";
  std::vector<chat::TokenId> expected;
  for (const std::string& part : Strings{"<|text|>", "a < b<|endo", "<|endofblock|>", "<|text", "!\xC3\xA4", "<|code|>", "<|tex"}) {
    if (const auto id = tokenizer->Special(part)) {
      expected.push_back(*id);
    } else {
      for (const chat::TokenId id2 : tokenizer->Encode(part)) expected.push_back(id2);
    }
  }
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    TextToTokens splitter(*tokenizer, specials);
    std::vector<chat::TokenId> tokens;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      for (const chat::TokenId id : splitter.Feed(text.substr(at, piece))) tokens.push_back(id);
    }
    EXPECT_EQ(splitter.held(), "<|tex");
    for (const chat::TokenId id : splitter.Finish()) tokens.push_back(id);
    EXPECT_EQ(tokens, expected) << piece;
  }
}

TEST(EndpointUrlTest, NormalisesAndHidesPasswords) {
  const struct {
    const char* url;
    const char* expected;
  } cases[] = {
      {"http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"},
      {"http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"},
      {"https://host/v1/", "https://host/v1"},
      {"https://host/openai/v1", "https://host/openai/v1"},
      {"http://host/v1/completions", "http://host/v1"},
      {"http://host/v1/chat/completions", "http://host/v1"},
      {"http://[::1]:8000", "http://[::1]:8000/v1"},
  };
  for (const auto& c : cases) EXPECT_EQ(NormaliseUrl(c.url), c.expected);
  for (const char* bad : {"", "nonsense", "ftp://host/", "127.0.0.1:8080", "file:///etc/passwd", "http://"}) {
    EXPECT_THROW(NormaliseUrl(bad), base::Error) << bad;
  }
  EXPECT_EQ(DisplayUrl("https://me:secret@host/v1?token=secret"), "https://host/v1");
}

TEST(EndpointProtocolTest, TheRequestFitsTheServer) {
  CompletionRequest request{.model = "m", .prompt = "p", .max_tokens = 9, .stop = {"<|x|>"}, .specials = {"<|x|>"}};
  request.sampling = {.temperature = 0.5F, .top_k = 5, .top_p = 0.5F, .min_p = 0.25F, .repetition_penalty = 1.5F, .seed = 42};
  const auto body = [&request](ServerKind kind) {
    request.kind = kind;
    return base::Json::parse(ToBody(request));
  };
  for (const ServerKind kind : {ServerKind::kUnknown, ServerKind::kLlamaServer, ServerKind::kVllm, ServerKind::kSglang}) {
    const base::Json json = body(kind);
    EXPECT_EQ(json["prompt"], "p");
    EXPECT_EQ(json["max_tokens"], 9);
    EXPECT_EQ(json["stream"], true);
    EXPECT_EQ(json["temperature"], 0.5);
    EXPECT_EQ(json["top_k"], 5);
    EXPECT_EQ(json["top_p"], 0.5);
    EXPECT_EQ(json["min_p"], 0.25);
    EXPECT_EQ(json["seed"], 42);
    EXPECT_EQ(json["stop"], base::Json({"<|x|>"}));
  }
  EXPECT_EQ(body(ServerKind::kLlamaServer)["repeat_penalty"], 1.5);
  EXPECT_EQ(body(ServerKind::kLlamaServer)["preserved_tokens"], base::Json({"<|x|>"}));
  EXPECT_EQ(body(ServerKind::kVllm)["repetition_penalty"], 1.5);
  EXPECT_EQ(body(ServerKind::kVllm)["include_stop_str_in_output"], true);
  EXPECT_EQ(body(ServerKind::kVllm)["skip_special_tokens"], false);
  EXPECT_FALSE(body(ServerKind::kVllm).contains("verbose"));
  EXPECT_EQ(body(ServerKind::kSglang)["no_stop_trim"], true);
  request.standard_only = true;
  EXPECT_FALSE(body(ServerKind::kUnknown).contains("top_k"));
  request.standard_only = false;
  // What is off is said to llama-server, whose defaults are not off; a greedy request has no seed; seeds fit 31 bits.
  request.sampling = {};
  EXPECT_EQ(body(ServerKind::kLlamaServer)["top_k"], 0);
  EXPECT_EQ(body(ServerKind::kLlamaServer)["min_p"], 0);
  EXPECT_EQ(body(ServerKind::kLlamaServer)["top_p"], 1);
  EXPECT_FALSE(body(ServerKind::kLlamaServer).contains("seed"));
  request.sampling = {.temperature = 1.0F, .seed = ~std::uint64_t{0} - 5};
  EXPECT_LE(body(ServerKind::kVllm)["seed"].get<std::uint64_t>(), 0x7FFFFFFFU);
}

TEST(EndpointProtocolTest, ReadsWhereAServerStopped) {
  using Stop = CompletionChunk::Stop;
  const struct {
    const char* json;
    ServerKind kind;
    Stop stop;
    const char* string;
  } cases[] = {
      {R"({"choices":[{"text":"","finish_reason":"stop","stop_reason":"<|code|>"}]})", ServerKind::kVllm, Stop::kString,
       "<|code|>"},
      {R"({"choices":[{"text":"","finish_reason":"stop","stop_reason":null}]})", ServerKind::kVllm, Stop::kEndOfText, ""},
      {R"({"choices":[{"text":"","finish_reason":"stop","stop_reason":null}]})", ServerKind::kUnknown, Stop::kNotSaid, ""},
      {R"({"choices":[{"text":"","finish_reason":"stop","stop_reason":7}]})", ServerKind::kUnknown, Stop::kEndOfText, ""},
      {R"({"choices":[{"text":"","finish_reason":"stop","matched_stop":"x"}]})", ServerKind::kSglang, Stop::kString, "x"},
      {R"({"choices":[{"text":"","finish_reason":"stop","matched_stop":2}]})", ServerKind::kSglang, Stop::kEndOfText, ""},
      {R"({"choices":[{"text":"","finish_reason":"stop"}],"__verbose":{"stop_type":"word","stopping_word":"w"}})",
       ServerKind::kLlamaServer, Stop::kString, "w"},
      {R"({"choices":[{"text":"","finish_reason":"stop"}],"__verbose":{"stop_type":"eos","stopping_word":""}})",
       ServerKind::kLlamaServer, Stop::kEndOfText, ""},
      {R"({"choices":[{"text":"","finish_reason":"eos_token"}]})", ServerKind::kUnknown, Stop::kEndOfText, ""},
      {R"({"choices":[{"text":"","finish_reason":"stop"}]})", ServerKind::kUnknown, Stop::kNotSaid, ""},
  };
  for (const auto& c : cases) {
    const auto chunk = ParseChunk(c.json, c.kind);
    ASSERT_TRUE(chunk) << c.json;
    EXPECT_EQ(chunk->stop, c.stop) << c.json;
    EXPECT_EQ(chunk->stop_string, c.string) << c.json;
  }
  const auto usage =
      ParseChunk(R"({"choices":[],"usage":{"completion_tokens":3,"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":8}}})",
                 ServerKind::kUnknown);
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->completion_tokens, 3u);
  EXPECT_EQ(usage->cached_tokens, 8u);
  for (const char* bad : {"", "nonsense", "[]", "3", "{}", R"({"choices":3})", R"({"choices":[{"text":"half)"}) {
    EXPECT_FALSE(ParseChunk(bad, ServerKind::kUnknown)) << bad;
  }
  EXPECT_TRUE(ParseChunk(R"({"choices":[{}]})", ServerKind::kUnknown));
  EXPECT_TRUE(ParseChunk(R"({"choices":[3]})", ServerKind::kUnknown));
}

TEST(EndpointProtocolTest, TellsFaultsApart) {
  const struct {
    long status;
    const char* body;
    Fault fault;
    std::optional<std::size_t> room;
  } cases[] = {
      {429, R"({"error":{"message":"slow down"}})", Fault::kRetry, {}},
      {500, "oops", Fault::kRetry, {}},
      {503, R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})", Fault::kRetry, {}},
      {401, R"({"error":{"message":"Invalid API Key"}})", Fault::kFatal, {}},
      {404, R"({"object":"error","message":"The model `x` does not exist.","code":404})", Fault::kFatal, {}},
      {400, R"({"error":{"message":"bad prompt"}})", Fault::kFatal, {}},
      {400, R"({"error":{"message":"Unrecognized request argument supplied: top_k"}})", Fault::kUnknownWord, {}},
      {422, R"({"detail":[{"msg":"Extra inputs are not permitted"}]})", Fault::kUnknownWord, {}},
      {400,
       R"({"error":{"code":400,"message":"request (99 tokens) exceeds the available context size (64 tokens), try )"
       R"(increasing it","type":"exceed_context_size_error"}})",
       Fault::kContextFull,
       {}},
      {400,
       R"({"object":"error","message":"This model's maximum context length is 2048 tokens. However, you requested 2412 )"
       R"(tokens (1900 in the messages, 512 in the completion). Please reduce"})",
       Fault::kContextFull, 148},
      {400,
       R"({"error":{"message":"This model's maximum context length is 2048 tokens. However, you requested 512 output )"
       R"(tokens and your prompt contains at least 1900 input tokens, for a total of at least 2049 tokens."}})",
       Fault::kContextFull, 148},
      {400,
       R"({"object":"error","message":"Requested token count exceeds the model's maximum context length of 2048 tokens. )"
       R"(You requested a total of 2412 tokens: 1900 tokens from the input messages and 512 tokens for the completion."})",
       Fault::kContextFull, 148},
      {422,
       R"({"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 1900 `inputs` )"
       R"(tokens and 512 `max_new_tokens`","error_type":"validation"})",
       Fault::kContextFull, 148},
      {400,
       R"({"object":"error","message":"This model's maximum context length is 2048 tokens. However, your prompt contains )"
       R"(3000 input tokens"})",
       Fault::kContextFull,
       {}},
      {200, R"({"error":{"message":"CUDA error","code":500}})", Fault::kRetry, {}},
      {200, R"({"error":{"message":"no code"}})", Fault::kRetry, {}},
      {200, R"({"error":{"message":"wrong","code":400,"type":"invalid_request_error"}})", Fault::kFatal, {}},
  };
  for (const auto& c : cases) {
    const FaultReport report = Classify(c.status, c.body);
    EXPECT_EQ(report.fault, c.fault) << c.body;
    EXPECT_EQ(report.room, c.room) << c.body;
    EXPECT_EQ(report.message.find('\n'), std::string::npos);
    EXPECT_TRUE(report.message.starts_with("HTTP ")) << report.message;
  }
}

TEST(EndpointProtocolTest, ReadsModelLists) {
  const auto vllm = ParseModels(R"({"data":[{"id":"a","owned_by":"vllm","max_model_len":4096},{"id":"b"}]})");
  ASSERT_TRUE(vllm);
  EXPECT_EQ(vllm->kind, ServerKind::kVllm);
  EXPECT_EQ(vllm->models, (Strings{"a", "b"}));
  EXPECT_EQ(vllm->context_tokens, 4096u);
  const auto llama = ParseModels(R"({"data":[{"id":"a","owned_by":"llamacpp","meta":{"n_ctx":1024}}]})");
  ASSERT_TRUE(llama);
  EXPECT_EQ(llama->kind, ServerKind::kLlamaServer);
  EXPECT_EQ(llama->context_tokens, 1024u);
  EXPECT_FALSE(ParseModels("<html>"));
  EXPECT_FALSE(ParseModels("{}"));
}

TEST(EndpointPoolTest, LeastLoadedStickyAndAwayFromTheSick) {
  EndpointPool pool(3);
  const EndpointPool::Time now = EndpointPool::Time{} + std::chrono::hours(1);
  for (const char* user : {"a", "b", "c", "d", "d"}) pool.AddUser(user);
  std::vector<std::size_t> chosen;
  for (const char* user : {"a", "b", "c"}) {
    chosen.push_back(pool.Choose(user, now).endpoint);
    pool.Started(chosen.back());
  }
  EXPECT_EQ(chosen, (std::vector<std::size_t>{0, 1, 2}));
  pool.Ended(1);
  EXPECT_EQ(pool.Choose("d", now).endpoint, 1u);  // the idle one
  EXPECT_EQ(pool.Choose("a", now).endpoint, 0u);  // sticky, though it is loaded
  // Sick: its users move and stay where they went.
  pool.Avoid(0, now + std::chrono::seconds(5));
  const auto moved = pool.Choose("a", now);
  EXPECT_NE(moved.endpoint, 0u);
  EXPECT_EQ(moved.when, now);
  EXPECT_EQ(pool.Choose("a", now + std::chrono::seconds(6)).endpoint, moved.endpoint);
  // All sick: the first to be well again, and when.
  pool.Avoid(1, now + std::chrono::seconds(3));
  pool.Avoid(2, now + std::chrono::seconds(4));
  const auto waiting = pool.Choose("b", now);
  EXPECT_EQ(waiting.endpoint, 1u);
  EXPECT_EQ(waiting.when, now + std::chrono::seconds(3));
  // Parked sequences count where nothing else tells the endpoints apart.
  EndpointPool quiet(2);
  for (const char* user : {"a", "b", "c"}) quiet.AddUser(user);
  EXPECT_EQ(quiet.Choose("a", now).endpoint, 0u);
  EXPECT_EQ(quiet.Choose("b", now).endpoint, 1u);
  quiet.RemoveUser("a");
  EXPECT_EQ(quiet.Choose("c", now).endpoint, 0u);
}

}  // namespace
}  // namespace mathcoder::engine
