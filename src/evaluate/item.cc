#include "evaluate/item.h"

#include <algorithm>

namespace mathcoder::evaluate {
namespace {

using base::Json;

constexpr char kInfrastructure[] = "infrastructure_failure";

std::optional<grade::Outcome> OutcomeOf(std::string_view name) {
  for (const grade::Outcome outcome :
       {grade::Outcome::kCorrect, grade::Outcome::kWrong, grade::Outcome::kUnknown, grade::Outcome::kNoAnswer}) {
    if (grade::Name(outcome) == name) return outcome;
  }
  return std::nullopt;
}

}  // namespace

std::string OutcomeName(const Item& item) {
  return item.infrastructure_failure() ? kInfrastructure : std::string(grade::Name(item.outcome));
}

Json ToJson(const Item& item) {
  Json record = {{"benchmark", item.task.benchmark}, {"index", item.task.index}, {"sample", item.task.sample}};
  const auto optional = [&](const char* name, const std::string& value) {
    if (!value.empty()) record[name] = value;
  };
  optional("model", item.model);
  optional("file", item.file);
  optional("id", item.id);
  record["question_sha256"] = item.question_sha256;
  optional("subject", item.subject);
  optional("level", item.level);
  record["outcome"] = OutcomeName(item);
  record["reference"] = item.reference;
  record["answer"] = item.answer;
  record["answer_rule"] = item.answer_rule;
  record["equality"] = item.equality;
  record["reason"] = item.reason;
  record["rule"] = item.rule;
  record["ending"] = std::string(chat::Name(item.ending));
  record["timed_out"] = item.timed_out;
  record["code_blocks"] = item.code_blocks;
  record["generated_tokens"] = item.generated_tokens;
  return record;
}

base::Result<Item> ItemFromJson(const Json& record) {
  Item item;
  try {
    item.task = {record.at("benchmark").get<std::string>(), record.at("index").get<std::size_t>(),
                 record.at("sample").get<std::uint32_t>()};
    item.model = record.value("model", "");
    item.file = record.value("file", "");
    item.id = record.value("id", "");
    item.question_sha256 = record.at("question_sha256").get<std::string>();
    item.subject = record.value("subject", "");
    item.level = record.value("level", "");
    item.reference = record.value("reference", "");
    item.answer = record.value("answer", "");
    item.answer_rule = record.value("answer_rule", "");
    item.equality = record.value("equality", "");
    item.reason = record.value("reason", "");
    item.rule = record.value("rule", "");
    item.timed_out = record.value("timed_out", false);
    item.code_blocks = record.value("code_blocks", std::size_t{0});
    item.generated_tokens = record.value("generated_tokens", std::size_t{0});
    const std::string ending = record.at("ending").get<std::string>();
    const auto known = chat::EndingFromName(ending);
    if (!known) return base::Failure{"field 'ending' holds the unknown '" + ending + "'"};
    item.ending = *known;
    const std::string outcome = record.at("outcome").get<std::string>();
    if (outcome != kInfrastructure) {
      const auto verdict = OutcomeOf(outcome);
      if (!verdict) return base::Failure{"field 'outcome' holds the unknown '" + outcome + "'"};
      item.outcome = *verdict;
    }
  } catch (const Json::exception&) {
    return base::Failure{"is no verdict of `mathcoder eval`: expected benchmark, index, sample, question_sha256, outcome, ending"};
  }
  return item;
}

Item Judge(const grade::Grader& grader, const Task& task, const Question& question, const chat::Transcript& transcript) {
  Item item;
  item.task = task;
  item.id = question.problem.id;
  item.question_sha256 = question.sha256;
  item.subject = question.subject;
  item.level = question.level;
  item.reference = question.reference;
  item.ending = transcript.ending;
  item.timed_out = std::ranges::any_of(transcript.executions, [](const chat::Execution& execution) {
    return execution.verdict == chat::ExecutionVerdict::kTimeout;
  });
  item.code_blocks = static_cast<std::size_t>(std::ranges::count(transcript.blocks, chat::BlockKind::kCode, &chat::Block::kind));
  item.generated_tokens = transcript.timings.generated_tokens;
  if (transcript.timings.total.count() > 0) item.seconds = std::chrono::duration<double>(transcript.timings.total).count();
  if (item.infrastructure_failure()) {
    item.reason = transcript.ending_detail.empty() ? "the infrastructure failed; not scored" : transcript.ending_detail;
    return item;
  }
  const grade::Verdict verdict = grader.Grade(question.reference, transcript);
  item.outcome = verdict.outcome;
  item.equality = std::string(math::Name(verdict.equality));
  item.reason = verdict.reason;
  item.rule = verdict.rule;
  item.answer = verdict.answer.text;
  item.answer_rule = verdict.answer.rule;
  item.grading = verdict.cost;
  return item;
}

}  // namespace mathcoder::evaluate
