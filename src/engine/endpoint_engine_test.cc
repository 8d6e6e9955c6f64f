// The endpoint engine against a server that misbehaves.
#include "engine/endpoint_engine.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "chat/dialect.h"
#include "engine/endpoint_fault_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mathcoder::engine {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using Connection = FaultServer::Connection;
using Request = FaultServer::Request;

std::string Text(const Engine& engine, const std::vector<TokenId>& tokens) {
  std::string text;
  for (const TokenId token : tokens) text += engine.tokenizer().Piece(token);
  return text;
}

struct Outcome {
  GenerateResult result;
  std::string streamed;
  std::string text;
};

class EndpointTest : public testing::Test {
 protected:
  EndpointTest() : dialect_(chat::LoadDialect("mathcoder")) {}

  EndpointOptions Options(const std::vector<const FaultServer*>& servers) const {
    EndpointOptions options;
    for (const FaultServer* server : servers) options.urls.push_back(server->url());
    options.specials = dialect_->special_strings();
    options.backoff = milliseconds(10);
    return options;
  }
  void Open(const FaultServer& server) { Open(Options({&server})); }
  void Open(const EndpointOptions& options) {
    engine_ = OpenEndpoint(options);
    sequence_ = NewSequence("a problem");
  }
  SequenceId NewSequence(const std::string& affinity) {
    SequenceOptions options;
    options.affinity = affinity;
    const SequenceId id = engine_->Open(options);
    engine_->Append(id, engine_->tokenizer().Encode("prompt"));
    return id;
  }
  GenerateOptions Stops(std::size_t max_tokens = 100) const {
    return {.max_tokens = max_tokens, .stop = dialect_->Stops(engine_->tokenizer())};
  }
  std::future<Outcome> Begin(SequenceId id, GenerateOptions options) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    auto streamed = std::make_shared<std::string>();
    GenerateCallbacks callbacks;
    callbacks.on_tokens = [this, streamed](std::span<const TokenId> tokens) {
      *streamed += Text(*engine_, {tokens.begin(), tokens.end()});
    };
    callbacks.on_done = [this, promise, streamed](GenerateResult result) {
      std::string text = Text(*engine_, result.tokens);
      promise->set_value({std::move(result), *streamed, std::move(text)});
    };
    engine_->Generate(id, std::move(options), std::move(callbacks));
    return promise->get_future();
  }
  // One Generate of the sequence. What was streamed is always what was kept.
  Outcome Run(std::size_t max_tokens = 100) {
    Outcome outcome = Begin(sequence_, Stops(max_tokens)).get();
    EXPECT_EQ(outcome.streamed, outcome.text);
    return outcome;
  }
  std::string Held() const { return Text(*engine_, engine_->Tokens(sequence_)); }

  const std::shared_ptr<const chat::Dialect> dialect_;
  std::unique_ptr<Engine> engine_;
  SequenceId sequence_ = 0;
};

std::string PromptOf(const Request& request) { return base::Json::parse(request.body)["prompt"].get<std::string>(); }

// A well-behaved vLLM: one text block.
void AnswerWell(Connection& c, std::string_view text = "<|text|>hello<|endofblock|>") {
  c.StartStream();
  c.Event(text.substr(0, 10));
  c.Event(text.substr(10));
  c.Event("", "stop", R"("stop_reason":"<|endofblock|>")");
  c.EndStream();
}

TEST_F(EndpointTest, AWholeStreamThenTheNextOnTheSameConnection) {
  FaultServer server([](const Request& request, Connection& c) {
    AnswerWell(c, PromptOf(request) == "prompt" ? "<|text|>hello<|endofblock|>" : "<|code|>1 + 1<|endofblock|>");
  });
  Open(server);
  Outcome outcome = Run();
  EXPECT_EQ(outcome.text, "<|text|>hello<|endofblock|>");
  EXPECT_EQ(outcome.result.reason, StopReason::kStopToken);
  EXPECT_EQ(outcome.result.tokens.size(), 7u);  // two control tokens and five bytes
  EXPECT_EQ(outcome.result.prefilled_tokens, 0u);
  EXPECT_EQ(Run().text, "<|code|>1 + 1<|endofblock|>");
  engine_->Append(sequence_, engine_->tokenizer().Encode("printed <|endofmessage|>"));
  Run();
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].connection, requests[2].connection);
  EXPECT_EQ(PromptOf(requests[1]), "prompt<|text|>hello<|endofblock|>");
  EXPECT_EQ(PromptOf(requests[2]), "prompt<|text|>hello<|endofblock|><|code|>1 + 1<|endofblock|>printed < |endofmessage|>");
  EXPECT_EQ(engine_->stats().retries, 0u);
}

TEST_F(EndpointTest, TheStopStringMayBeCutKeptOrUnnamed) {
  const struct {
    const char* owner;
    const char* text;    // what the stream holds
    const char* choice;  // members of the last choice
  } cases[] = {
      {"vllm", "<|text|>x<|endofmessage|>", R"("stop_reason":"<|endofmessage|>")"},  // kept and named
      {"vllm", "<|text|>x", R"("stop_reason":"<|endofmessage|>")"},                  // cut and named
      {"sglang", "<|text|>x", R"("matched_stop":"<|endofmessage|>")"},
      {"someone", "<|text|>x<|endofmessage|>", R"("logprobs":null)"},  // kept, unnamed
      {"someone", "<|text|>x", R"("logprobs":null)"},                  // cut, unnamed: asked again without stop strings
  };
  for (const auto& c : cases) {
    FaultServer::Options options;
    options.models = R"({"data":[{"id":"tiny","owned_by":")" + std::string(c.owner) + "\"}]}";
    FaultServer server(
        [&c](const Request& request, Connection& connection) {
          const base::Json body = base::Json::parse(request.body);
          connection.StartStream();
          if (body.contains("stop")) {
            connection.Event(c.text);
            connection.Event("", "stop", c.choice);
            connection.EndStream();
          } else {  // goes on writing until the client hangs up
            EXPECT_EQ(body["prompt"], "prompt<|text|>x");
            connection.Event("<|endofmessage|>");
            for (int i = 0; i < 500 && connection.open(); ++i) {
              connection.Event("and more");
              connection.WaitForClose(milliseconds(10));
            }
          }
        },
        options);
    Open(server);
    const Outcome outcome = Run();
    EXPECT_EQ(outcome.text, "<|text|>x<|endofmessage|>") << c.owner << " " << c.text;
    EXPECT_EQ(outcome.result.reason, StopReason::kStopToken);
    EXPECT_EQ(engine_->stats().retries, 0u);
    engine_.reset();
  }
}

TEST_F(EndpointTest, TheEndOfTheTextIsNoStop) {
  FaultServer server([](const Request&, Connection& c) {
    c.StartStream();
    c.Event("<|text|>bye");
    c.Event("", "stop", R"("stop_reason":null)");
    c.EndStream();
  });
  Open(server);
  const Outcome outcome = Run();
  EXPECT_EQ(outcome.result.reason, StopReason::kEndOfGeneration);
  EXPECT_EQ(outcome.text, "<|text|>bye");
}

TEST_F(EndpointTest, AFenceThatOnlyLooksClosedGoesOn) {
  const auto tora = chat::LoadDialect("tora");
  std::atomic<int> asked{0};
  FaultServer server([&asked](const Request& request, Connection& c) {
    c.StartStream();
    if (asked++ == 0) {
      EXPECT_THAT(base::Json::parse(request.body)["stop"].get<std::vector<std::string>>(), testing::Contains("\n```\n"));
      c.Event("An example:\n```\nplain\n```\n");  // closes a block that is no program
      c.Event("", "stop", R"("stop_reason":"\n```\n")");
    } else {
      c.Event("```python\nx = 1\n");
      c.Event("x");
      c.Event("", "stop", R"("stop_reason":"\n```\n")");  // cut
    }
    c.EndStream();
  });
  EndpointOptions options = Options({&server});
  options.specials = tora->special_strings();
  Open(options);
  const Outcome outcome = Begin(sequence_, {.max_tokens = 100, .stop = tora->Stops(engine_->tokenizer())}).get();
  EXPECT_EQ(outcome.text, "An example:\n```\nplain\n```\n```python\nx = 1\nx\n```\n");
  EXPECT_EQ(outcome.result.reason, StopReason::kStopString);
  EXPECT_EQ(asked.load(), 2);
}

TEST_F(EndpointTest, BusyAndBrokenServersAreAskedAgain) {
  using Break = std::function<void(Connection&)>;
  const std::pair<const char*, Break> cases[] = {
      {"429", [](Connection& c) { c.Answer(429, R"({"error":{"message":"slow down"}})"); }},
      {"500", [](Connection& c) { c.Answer(500, "oops", "Content-Type: text/plain\r\n"); }},
      {"503 while loading", [](Connection& c) { c.Answer(503, R"({"error":{"message":"Loading model","code":503}})"); }},
      {"reset before the headers", [](Connection& c) { c.Reset(); }},
      {"reset in mid-stream",
       [](Connection& c) { c.StartStream(), c.Event("<|text|>he"), c.WaitForClose(milliseconds(50)), c.Reset(); }},
      {"closed in mid-stream", [](Connection& c) { c.StartStream(), c.Event("<|text|>he"), c.Send("0\r\n\r\n"); }},
      {"closed inside a control string", [](Connection& c) { c.StartStream(), c.Event("<|text|>he<|endof"), c.Send("0\r\n\r\n"); }},
      {"malformed event",
       [](Connection& c) { c.StartStream(), c.Event("<|text|>he"), c.Chunk("data: {\"choices\":[{\"te\n\n"), c.EndStream(); }},
      {"error in the stream",
       [](Connection& c) {
         c.StartStream(), c.Event("<|text|>he"), c.Chunk("data: {\"error\":{\"message\":\"lost a worker\",\"code\":500}}\n\n"),
             c.EndStream();
       }},
      {"error field", [](Connection& c) { c.StartStream(), c.Chunk("error: boom\n\n"), c.EndStream(); }},
      {"aborted", [](Connection& c) { c.StartStream(), c.Event("<|text|>he"), c.Event("", "abort"), c.EndStream(); }},
      {"half a chunk", [](Connection& c) { c.StartStream(), c.Event("<|text|>he"), c.Send("ff\r\ndata: "), c.Reset(); }},
      {"stalled",
       [](Connection& c) {
         c.StartStream();
         c.Event("<|text|>he");
         EXPECT_TRUE(c.WaitForClose(milliseconds(20000)));
       }},
      {"silent", [](Connection& c) { EXPECT_TRUE(c.WaitForClose(milliseconds(20000))); }},
  };
  for (const auto& [name, fault] : cases) {
    SCOPED_TRACE(name);
    std::atomic<int> asked{0};
    FaultServer server([&](const Request& request, Connection& c) {
      if (asked++ == 0) return fault(c);
      // Resumed from what was received, or begun again.
      const std::string prompt = PromptOf(request);
      ASSERT_TRUE(prompt == "prompt" || prompt == "prompt<|text|>he") << prompt;
      c.StartStream();
      c.Event(prompt == "prompt" ? "<|text|>hello" : "llo");
      c.Event("<|endofblock|>", "stop", R"("stop_reason":"<|endofblock|>")");
      c.EndStream();
    });
    EndpointOptions options = Options({&server});
    options.idle_timeout = milliseconds(300);
    Open(options);
    const Outcome outcome = Run();
    EXPECT_EQ(outcome.text, "<|text|>hello<|endofblock|>");
    EXPECT_EQ(outcome.result.reason, StopReason::kStopToken);
    EXPECT_EQ(Held(), "prompt<|text|>hello<|endofblock|>");
    EXPECT_EQ(engine_->stats().retries, 1u);
    engine_.reset();
  }
}

TEST_F(EndpointTest, AResumedRequestAsksForTheRestOnly) {
  FaultServer server([](const Request& request, Connection& c) {
    const base::Json body = base::Json::parse(request.body);
    c.StartStream();
    if (PromptOf(request) == "prompt") {
      for (const char* piece : {"<|text|>", "a", "b"}) c.Event(piece);
      return c.Send("0\r\n\r\n");
    }
    EXPECT_EQ(body["max_tokens"], 7);
    c.Event("c", "length");
    c.EndStream();
  });
  Open(server);
  const Outcome outcome = Run(10);
  EXPECT_EQ(outcome.text, "<|text|>abc");
  EXPECT_EQ(outcome.result.reason, StopReason::kMaxTokens);
}

TEST_F(EndpointTest, RetryAfterIsKept) {
  std::atomic<int> asked{0};
  FaultServer server([&asked](const Request&, Connection& c) {
    if (asked++ == 0) return c.Answer(429, "{}", "Retry-After: 1\r\n");
    AnswerWell(c);
  });
  Open(server);
  Run();
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_GE(requests[1].at - requests[0].at, milliseconds(1000));
}

TEST_F(EndpointTest, GivesUpAndLeavesTheSequenceAsItWas) {
  FaultServer server([](const Request&, Connection& c) { c.StartStream(), c.Event("<|text|>he"), c.Reset(); });
  EndpointOptions options = Options({&server});
  options.max_retries = 3;
  options.backoff = milliseconds(1);
  Open(options);
  const Outcome outcome = Run();
  EXPECT_EQ(outcome.result.reason, StopReason::kFailed);
  EXPECT_THAT(outcome.result.error, HasSubstr(server.url()));
  EXPECT_THAT(outcome.result.error, HasSubstr("gave up after 4 requests"));
  EXPECT_EQ(outcome.result.error.find('\n'), std::string::npos);
  EXPECT_EQ(server.requests().size(), 4u);
  EXPECT_EQ(Held(), "prompt");
}

TEST_F(EndpointTest, AServerThatSpeaksNonsenseIsNamed) {
  FaultServer server([](const Request&, Connection& c) { c.StartStream(), c.Chunk("data: what?\n\n"), c.EndStream(); });
  EndpointOptions options = Options({&server});
  options.max_retries = 0;
  Open(options);
  EXPECT_THAT(Run().result.error, HasSubstr("no completion: what?"));
}

TEST_F(EndpointTest, WhatWouldFailAgainFailsAtOnceAndHidesTheKey) {
  FaultServer server([](const Request& request, Connection& c) {
    EXPECT_EQ(request.headers.at("authorization"), "Bearer sk-secret-1");
    c.Answer(401, R"({"error":{"message":"Incorrect API key provided: sk-secret-1. See\nthe docs"}})");
  });
  EndpointOptions options = Options({&server});
  options.api_key = "sk-secret-1";
  Open(options);
  const Outcome outcome = Run();
  EXPECT_EQ(outcome.result.reason, StopReason::kFailed);
  EXPECT_THAT(outcome.result.error, HasSubstr("401"));
  EXPECT_THAT(outcome.result.error, HasSubstr("***"));
  EXPECT_THAT(outcome.result.error, Not(HasSubstr("secret")));
  EXPECT_THAT(base::Dump(engine_->info().details), Not(HasSubstr("secret")));
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(EndpointTest, TextSplitAnywhereArrivesWhole) {
  // Every byte of the stream in a chunk of its own: characters, events and control strings are cut everywhere.
  FaultServer server([](const Request&, Connection& c) {
    c.StartStream();
    const std::string stream =
        ": ping\n\ndata: {\"choices\":[{\"text\":\"<|text|>\xC3\xA4\xE2\x82\xAC\"}]}\n\n"
        "data: {\"choices\":[{\"text\":\"\\ud83d\\ude00 <|endof\"}]}\r\n\r\ndata: {\"choices\":[{\"text\":\"block|>\"}]}\n\n"
        "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"stop\",\"stop_reason\":\"<|endofblock|>\"}]}\n\n";
    for (const char byte : stream) c.Chunk({&byte, 1});
    c.EndStream();
  });
  Open(server);
  const Outcome outcome = Run();
  EXPECT_EQ(outcome.text, "<|text|>\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80 <|endofblock|>");
  EXPECT_EQ(outcome.result.reason, StopReason::kStopToken);
}

TEST_F(EndpointTest, AnAnswerThatIsNotStreamedIsTakenToo) {
  FaultServer server([](const Request&, Connection& c) {
    c.Answer(200, R"({"choices":[{"text":"<|text|>all<|endofblock|>","finish_reason":"stop","stop_reason":"<|endofblock|>"}]})");
  });
  Open(server);
  EXPECT_EQ(Run().text, "<|text|>all<|endofblock|>");
}

TEST_F(EndpointTest, LimitsAreTold) {
  const struct {
    const char* usage;
    StopReason reason;
  } cases[] = {{R"({"completion_tokens":20})", StopReason::kMaxTokens}, {R"({"completion_tokens":7})", StopReason::kContextFull}};
  for (const auto& c : cases) {
    FaultServer server([&c](const Request&, Connection& connection) {
      connection.StartStream();
      connection.Event("<|text|>long", "length");
      connection.Chunk("data: {\"choices\":[],\"usage\":" + std::string(c.usage) + "}\n\n");
      connection.EndStream();
    });
    Open(server);
    EXPECT_EQ(Run(20).result.reason, c.reason) << c.usage;
    EXPECT_EQ(Held(), "prompt<|text|>long");
    engine_.reset();
  }
}

TEST_F(EndpointTest, AFullContextIsNamedAndItsRestIsUsed) {
  FaultServer server([](const Request& request, Connection& c) {
    if (base::Json::parse(request.body)["max_tokens"].get<int>() > 5) {
      return c.Answer(
          400, R"({"object":"error","message":"This model's maximum context length is 100 tokens. However, you requested 115 )"
               R"(tokens (95 in the messages, 20 in the completion)."})");
    }
    c.StartStream();
    c.Event("<|text|>abc", "length");
    c.EndStream();
  });
  Open(server);
  Outcome outcome = Run(20);
  EXPECT_EQ(outcome.result.reason, StopReason::kContextFull);
  EXPECT_EQ(outcome.text, "<|text|>abc");
  engine_.reset();

  FaultServer full([](const Request&, Connection& c) {
    c.Answer(400, R"({"error":{"code":400,"message":"request (99 tokens) exceeds the available context size (64 tokens), )"
                  R"(try","type":"exceed_context_size_error"}})");
  });
  Open(full);
  outcome = Run(20);
  EXPECT_EQ(outcome.result.reason, StopReason::kContextFull);
  EXPECT_THAT(outcome.result.error, HasSubstr("64 tokens"));
  EXPECT_EQ(Held(), "prompt");
}

TEST_F(EndpointTest, AServerThatKnowsTheStandardAloneIsSpokenToSo) {
  FaultServer::Options options;
  options.models = R"({"data":[{"id":"tiny","owned_by":"someone"}]})";
  FaultServer server(
      [](const Request& request, Connection& c) {
        if (base::Json::parse(request.body).contains("skip_special_tokens")) {
          return c.Answer(400, R"({"error":{"message":"Unrecognized request argument supplied: skip_special_tokens"}})");
        }
        AnswerWell(c);
      },
      options);
  Open(server);
  EXPECT_EQ(Run().text, "<|text|>hello<|endofblock|>");
  EXPECT_EQ(server.requests().size(), 2u);
  Run();
  EXPECT_EQ(server.requests().size(), 3u);  // remembered
}

TEST_F(EndpointTest, SequencesOfAProblemStayTogetherAndProblemsSpread) {
  const auto answer = [](const Request&, Connection& c) { AnswerWell(c); };
  FaultServer one(answer);
  FaultServer two(answer);
  Open(Options({&one, &two}));
  const SequenceId other = NewSequence("another problem");
  const SequenceId sample = engine_->Fork(sequence_, {});
  const SequenceId again = NewSequence("a problem");
  const SequenceId once_more = NewSequence("a problem");
  for (int round = 0; round < 3; ++round) {
    for (const SequenceId id : {sequence_, other, sample, again, once_more}) Begin(id, Stops()).get();
  }
  EXPECT_EQ(one.requests().size() + two.requests().size(), 15u);
  EXPECT_EQ(std::max(one.requests().size(), two.requests().size()), 12u);
}

TEST_F(EndpointTest, ADeadEndpointIsAvoidedWhileOthersLive) {
  FaultServer well([](const Request&, Connection& c) { AnswerWell(c); });
  auto sick = std::make_unique<FaultServer>([](const Request&, Connection& c) { AnswerWell(c); });
  EndpointOptions options = Options({sick.get(), &well});
  options.backoff = milliseconds(60000);  // who waited for it would not end in time
  Open(options);
  Run();
  ASSERT_EQ(sick->requests().size(), 1u);
  sick.reset();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Run().result.reason, StopReason::kStopToken);
  EXPECT_EQ(well.requests().size(), 5u);
  EXPECT_EQ(engine_->stats().retries, 1u);
}

TEST_F(EndpointTest, CancelAndCloseEndARequestAndTheServerSeesIt) {
  std::promise<void> began;
  std::promise<bool> hung_up;
  std::atomic<int> asked{0};
  FaultServer server([&](const Request&, Connection& c) {
    if (asked++ > 0) return AnswerWell(c);
    c.StartStream();
    c.Event("<|text|>he");
    began.set_value();
    hung_up.set_value(c.WaitForClose(milliseconds(20000)));
  });
  Open(server);
  std::promise<void> seen;
  std::promise<GenerateResult> done;
  engine_->Generate(sequence_, Stops(),
                    {.on_tokens = [&](std::span<const TokenId>) { seen.set_value(); },
                     .on_done = [&](GenerateResult result) { done.set_value(std::move(result)); }});
  seen.get_future().wait();
  engine_->Cancel(sequence_);
  EXPECT_EQ(done.get_future().get().reason, StopReason::kCancelled);
  EXPECT_TRUE(hung_up.get_future().get());
  EXPECT_EQ(Held(), "prompt<|text|>he");
  EXPECT_EQ(Run().result.reason, StopReason::kStopToken);
}

TEST_F(EndpointTest, DestructionEndsWhatRuns) {
  FaultServer server([](const Request&, Connection& c) { c.StartStream(), c.WaitForClose(milliseconds(20000)); });
  EndpointOptions options = Options({&server});
  options.max_connections = 4;
  Open(options);
  std::atomic<int> cancelled{0};
  for (int i = 0; i < 10; ++i) {
    engine_->Generate(NewSequence(std::to_string(i)), Stops(), {.on_done = [&cancelled](GenerateResult result) {
                        cancelled += result.reason == StopReason::kCancelled ? 1 : 0;
                      }});
  }
  const SequenceId closed = NewSequence("closed");
  engine_->Generate(closed, Stops(), {.on_done = [&cancelled](GenerateResult) { ++cancelled; }});
  engine_->Close(closed);
  EXPECT_EQ(cancelled.load(), 1);
  engine_.reset();
  EXPECT_EQ(cancelled.load(), 11);
}

TEST_F(EndpointTest, ManyAtOnceKeepTheirTextsApart) {
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  FaultServer server([&](const Request& request, Connection& c) {
    const int running = ++now;
    for (int seen = most; running > seen && !most.compare_exchange_weak(seen, running);) {
    }
    const std::string prompt = PromptOf(request);
    c.StartStream();
    c.WaitForClose(milliseconds(40));  // long enough for all to be here, if nothing held them back
    for (const char digit : prompt.substr(6)) c.Event(std::string(1, digit));
    --now;
    c.Event("<|endofblock|>", "stop", R"("stop_reason":"<|endofblock|>")");
    c.EndStream();
  });
  EndpointOptions options = Options({&server});
  options.max_connections = 8;
  Open(options);
  std::vector<std::future<Outcome>> outcomes;
  for (int i = 0; i < 64; ++i) {
    const SequenceId id = NewSequence(std::to_string(i));
    engine_->Append(id, engine_->tokenizer().Encode(std::to_string(1000 + i)));
    outcomes.push_back(Begin(id, Stops()));
  }
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(outcomes[static_cast<std::size_t>(i)].get().text, std::to_string(1000 + i) + "<|endofblock|>");
  EXPECT_LE(most.load(), 8);
}

TEST_F(EndpointTest, OpeningNamesEachThatCannotBeReached) {
  FaultServer well([](const Request&, Connection& c) { AnswerWell(c); });
  FaultServer::Options odd;
  odd.models = "<html>a web page</html>";
  FaultServer page([](const Request&, Connection&) {}, odd);
  FaultServer::Options locked;
  locked.models_status = 401;
  FaultServer closed([](const Request&, Connection&) {}, locked);
  int dead_port = 0;
  {
    FaultServer gone([](const Request&, Connection&) {});
    dead_port = gone.port();
  }
  const auto failure = [](const EndpointOptions& options) -> std::string {
    try {
      OpenEndpoint(options);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ExitCode::kUnavailable);
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return error.what();
    }
    return "";
  };
  EndpointOptions options = Options({&well, &page, &closed});
  options.urls.push_back("http://127.0.0.1:" + std::to_string(dead_port));
  const std::string message = failure(options);
  EXPECT_THAT(message, Not(HasSubstr(well.url())));
  EXPECT_THAT(message, HasSubstr(page.url() + " is no OpenAI-compatible endpoint"));
  EXPECT_THAT(message, HasSubstr(closed.url() + " refuses the key"));
  EXPECT_THAT(message, HasSubstr(":" + std::to_string(dead_port) + "/v1 cannot be reached"));
  options = Options({&well});
  options.model = "other";
  EXPECT_THAT(failure(options), HasSubstr("no model 'other', it serves 'tiny'"));
  EXPECT_NE(failure({}), "");
  options.urls = {"nonsense"};
  EXPECT_THAT(failure(options), HasSubstr("'nonsense' is no endpoint"));
  Open(well);
  EXPECT_EQ(engine_->info().model, "tiny");
  EXPECT_EQ(engine_->info().engine, "endpoint");
}

TEST_F(EndpointTest, TlsIsVerified) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / ("tls" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  FaultServer::Options tls;
  tls.certificate = folder / "cert.pem";
  tls.key = folder / "key.pem";
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
      " -addext subjectAltName=IP:127.0.0.1 -keyout '" +
      tls.key + "' -out '" + tls.certificate + "' 2>/dev/null";
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "no openssl program here: apt install openssl";
  FaultServer server([](const Request&, Connection& c) { AnswerWell(c); }, tls);
  EndpointOptions options = Options({&server});
  try {
    OpenEndpoint(options);
    ADD_FAILURE() << "an unknown certificate was accepted";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("certificate"));
  }
  options.ca_file = tls.certificate;
  Open(options);
  EXPECT_EQ(Run().text, "<|text|>hello<|endofblock|>");
  options.ca_file.clear();
  options.verify_tls = false;
  Open(options);
  EXPECT_EQ(Run().text, "<|text|>hello<|endofblock|>");
  engine_.reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace mathcoder::engine
