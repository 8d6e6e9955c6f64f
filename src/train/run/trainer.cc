#include "train/run/trainer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "train/data/row.h"
#include "train/model/model.h"
#include "train/run/device.h"
#include "train/run/parts/guard.h"
#include "train/run/parts/metrics.h"
#include "train/run/parts/schedule.h"
#include "train/run/parts/train_progress.h"
#include "train/run/preparation.h"
#include "train/run/problem_check.h"
#include "train/run/result.h"
#include "train/run/run_checkpoint.h"
#include "train/run/start.h"

namespace mathcoder::train {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
constexpr std::size_t kRoleCount = 6;

// What the processes add up after a step: sums, and wishes that all must agree on (one process asks, all do).
struct Totals {
  RowLoss loss;
  double flops = 0, tokens = 0;
  double interrupted = 0, save = 0, out_of_time = 0;

  void Add(const RowLoss& row) {
    loss.weighted += row.weighted;
    loss.weight += row.weight;
    for (std::size_t role = 0; role < kRoleCount; ++role) {
      loss.loss_by_role[role] += row.loss_by_role[role];
      loss.targets_by_role[role] += row.targets_by_role[role];
    }
  }

  void AddUp(Communicator& communicator, at::Device device) {
    std::vector<double> numbers = {loss.weighted, loss.weight, flops, tokens, interrupted, save, out_of_time};
    const std::size_t fixed = numbers.size();
    for (std::size_t role = 0; role < kRoleCount; ++role) {
      numbers.push_back(loss.loss_by_role[role]);
      numbers.push_back(static_cast<double>(loss.targets_by_role[role]));
    }
    if (communicator.size() > 1) {
      at::Tensor data = at::tensor(numbers, at::kDouble).to(device);
      communicator.AllReduceSum(data)->Wait();
      data = data.cpu();
      std::copy_n(data.const_data_ptr<double>(), numbers.size(), numbers.begin());
    }
    loss.weighted = numbers[0], loss.weight = numbers[1], flops = numbers[2], tokens = numbers[3];
    interrupted = numbers[4], save = numbers[5], out_of_time = numbers[6];
    for (std::size_t role = 0; role < kRoleCount; ++role) {
      loss.loss_by_role[role] = numbers[fixed + 2 * role];
      loss.targets_by_role[role] = static_cast<std::int64_t>(numbers[fixed + 2 * role + 1]);
    }
  }

  double mean() const { return loss.weight > 0 ? loss.weighted / loss.weight : 0; }
};

// A row that teaches nothing: for a process that has fewer rows than another in a step, so that all of them gather and reduce as
// often.
const Row& EmptyRow() {
  static const Row row = {.ids = {0}, .targets = {-1}, .weights = {0}, .roles = {0}, .positions = {0}, .borders = {0, 1}};
  return row;
}

class Run {
 public:
  Run(const Config& config, Communicator& communicator, const TrainerOptions& options);
  TrainingEnd Train();

 private:
  bool Resume();
  Totals OneBatch();
  void Save();
  void RollBack();
  RowLoss HeldOut();
  void ReportHeldOut(const std::string& when);
  void OpenOutputs(bool resumed);
  void CheckOnProblems();
  void Log(const Totals& totals, double norm, double learning_rate, std::chrono::duration<double> time);
  void Say(const std::string& line);
  void Note(const std::string& text);
  bool Agreed(bool mine);
  bool first() const { return communicator_.rank() == 0; }
  bool Every(std::int64_t steps) const { return steps > 0 && step_ % steps == 0; }
  base::Json State() const;
  double Minutes() const;  // of training, earlier starts included

  const Config config_;
  Communicator& communicator_;
  const TrainerOptions options_;
  const at::Device device_;
  Preparation preparation_;
  const ScheduleOptions schedule_;
  std::unique_ptr<TrainState> state_;
  Model model_;
  RunCheckpoint checkpoint_;
  Guard guard_;
  std::optional<Metrics> metrics_;
  std::optional<TrainProgress> progress_;

  std::int64_t step_ = 0;      // optimizer steps taken, those that were skipped included
  DataPosition position_;      // of the next batch
  std::uint64_t epoch_ = 0;    // of the last one
  double minutes_before_ = 0;  // of earlier starts of this run
  Row row_;
  Clock::time_point started_ = Clock::now(), saved_ = Clock::now();
};

std::string Decimals(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4f", value);
  return text;
}

ModelOptions ModelOptionsOf(const Config& config, at::Device device) {
  return {.compute = ComputeTypeOf(config),
          .device = device,
          .checkpointing = config.model.checkpointing == "none"   ? Checkpointing::kNone
                           : config.model.checkpointing == "full" ? Checkpointing::kFull
                                                                  : Checkpointing::kSelective,
          .lora = LayoutOptionsOf(config).lora};
}

ScheduleOptions ScheduleOf(const Config& config, std::int64_t total_steps) {
  ScheduleOptions options;
  options.shape = ShapeFromName(config.schedule.name);
  options.peak = config.optimizer.learning_rate;
  options.steps = total_steps;
  options.warmup_steps = config.schedule.warmup_steps;
  options.minimum_ratio = config.schedule.minimum_ratio;
  options.decay_share = config.schedule.decay_share;
  options.decay = DecayFromName(config.schedule.decay);
  return options;
}

GuardOptions GuardOf(const Config& config) {
  GuardOptions options;
  options.nan = PolicyFromName(config.guard.nan);
  options.spike = PolicyFromName(config.guard.spike);
  options.deviations = config.guard.spike_deviations;
  options.factor = config.guard.spike_factor;
  options.window = config.guard.window;
  options.least = std::min(options.least, options.window);
  options.limit = config.guard.limit;
  return options;
}

Run::Run(const Config& config, Communicator& communicator, const TrainerOptions& options)
    : config_(config),
      communicator_(communicator),
      options_(options),
      device_(DeviceOf(config)),
      preparation_(config, options.quiet || communicator.rank() > 0),
      schedule_(ScheduleOf(config, preparation_.total_steps())),
      state_(TrainState::Create(preparation_.layout(),
                                StateOptionsOf(config, preparation_.OneRowAProcess(communicator.size()), device_), communicator)),
      model_(preparation_.model(), ModelOptionsOf(config, device_), *state_),
      checkpoint_(config, communicator),
      guard_(GuardOf(config)) {}

// One batch forward and backward, every process its share of the rows: row i of the batch is process (i mod size)'s.
Totals Run::OneBatch() {
  const EpochPlan& plan = preparation_.Plan(position_.epoch);
  const GlobalBatch batch = plan.batch(position_.batch, static_cast<std::size_t>(config_.batch_rows));
  const auto size = static_cast<std::size_t>(communicator_.size()), rank = static_cast<std::size_t>(communicator_.rank());
  const std::size_t rounds = (batch.rows + size - 1) / size;
  const double scale = batch.loss_weight > 0 ? 1 / batch.loss_weight : 0;
  Totals totals;
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::size_t mine = round * size + rank;
    state_->BeginRow(static_cast<std::int64_t>(rounds - round));
    if (mine < batch.rows) {
      FillRow(preparation_.train(), plan.row(batch.first_row + mine), &row_);
      totals.flops += model_.FlopsOf(row_);
      totals.tokens += static_cast<double>(row_.ids.size());
    }
    totals.Add(model_.ForwardBackward(mine < batch.rows ? row_ : EmptyRow(), scale));
  }
  return totals;
}

base::Json Run::State() const {
  return {{"config", ToJson(config_)},
          {"step", step_},
          {"epoch", position_.epoch},
          {"batch", position_.batch},
          {"minutes", Minutes()},
          {"guard", guard_.ToJson()},
          {"model", weights::ToJson(preparation_.model())},
          {"data", preparation_.train().key()}};
}

double Run::Minutes() const {
  return minutes_before_ + std::chrono::duration<double, std::ratio<60>>(Clock::now() - started_).count();
}

void Run::Say(const std::string& line) {
  if (progress_ && !options_.quiet) progress_->Interrupt([&] { std::fprintf(stderr, "%s\n", line.c_str()); });
}

// A line for the terminal, the log and TensorBoard.
void Run::Note(const std::string& text) {
  Say(text);
  if (metrics_) metrics_->Text(step_, "note", text);
}

// What the first process says holds for all.
bool Run::Agreed(bool mine) {
  Totals totals;
  totals.out_of_time = first() && mine ? 1 : 0;
  totals.AddUp(communicator_, device_);
  return totals.out_of_time > 0;
}

// True where there was a checkpoint.
bool Run::Resume() {
  const auto check = [this](const base::Json& run) {
    const std::string differs = WhatDiffers(run.at("config"), config_);
    if (!differs.empty()) {
      throw base::BadInput(config_.run + ": holds checkpoints of another run (" + differs +
                           "); go on with its settings, or give this one a folder of its own (run=DIR)");
    }
    if (run.at("model") != weights::ToJson(preparation_.model())) {
      throw base::BadInput(config_.run +
                           ": its checkpoints are of a model of another shape (config.json has changed since); give this run a "
                           "folder of its own (run=DIR)");
    }
    if (run.at("data") != preparation_.train().key()) {
      throw base::BadInput(config_.run +
                           ": its checkpoints were made with other data: the files of data.train have changed since; "
                           "restore them, or give this run a folder of its own (run=DIR)");
    }
  };
  const auto run = checkpoint_.Load(*state_, check, [this](const std::string& line) {
    if (first()) std::fprintf(stderr, "mathcoder train: %s\n", line.c_str());
  });
  if (!run) return false;
  step_ = run->at("step");
  position_ = {run->at("epoch"), run->at("batch")};
  minutes_before_ = run->at("minutes");
  guard_.Restore(run->at("guard"));
  return true;
}

void Run::Save() {
  checkpoint_.Save(step_, *state_, State());
  if (metrics_) metrics_->Sync();
  saved_ = Clock::now();
}

// Back to the newest checkpoint's weights and on with the data after the batch that made it necessary: position_ stays.
void Run::RollBack() {
  checkpoint_.Wait();
  base::Json run;
  checkpoint_.Load(
      *state_, [&](const base::Json& found) { run = found; }, [](const std::string&) {});
  step_ = run.at("step");
  guard_.RolledBack(run.at("guard"));
  if (metrics_) metrics_->GoBackTo(step_);
}

RowLoss Run::HeldOut() {
  const EpochPlan* plan = preparation_.held_out_plan();
  Totals totals;
  if (plan == nullptr) return totals.loss;
  std::size_t rows = plan->rows();
  if (config_.watch.held_out_rows > 0) rows = std::min(rows, static_cast<std::size_t>(config_.watch.held_out_rows));
  const auto size = static_cast<std::size_t>(communicator_.size()), rank = static_cast<std::size_t>(communicator_.rank());
  for (std::size_t round = 0; round * size < rows; ++round) {
    const std::size_t mine = round * size + rank;
    if (mine < rows) FillRow(preparation_.held_out(), plan->row(mine), &row_);
    totals.Add(model_.Evaluate(mine < rows ? row_ : EmptyRow()));
  }
  totals.AddUp(communicator_, device_);
  return totals.loss;
}

void Run::OpenOutputs(bool resumed) {
  const fs::path run = config_.run;
  base::WriteFileAtomically(run / "config.yaml", ToYaml(config_));
  metrics_.emplace(run, resumed ? std::optional(step_) : std::nullopt, config_.watch.tensorboard);
  TrainProgressOptions progress;
  progress.steps = preparation_.total_steps();
  progress.done = step_;
  progress.peak = PeakFlops(device_, ComputeTypeOf(config_)) * communicator_.size();
  progress.quiet = options_.quiet;
  progress_.emplace(progress);
  if (preparation_.held_out_plan() == nullptr) Say("nothing is held out: there will be no held-out loss (data.held_out_share)");
  if (resumed) Say("going on after step " + std::to_string(step_) + " of " + std::to_string(preparation_.total_steps()));
}

void Run::ReportHeldOut(const std::string& when) {
  if (preparation_.held_out_plan() == nullptr) return;
  const RowLoss loss = HeldOut();
  if (!first() || loss.weight == 0) return;
  base::Json values = {{"loss", loss.weighted / loss.weight}};
  std::string line = when + ": held-out loss " + Decimals(loss.weighted / loss.weight);
  for (const chat::TokenRole role :
       {chat::TokenRole::kText, chat::TokenRole::kCode, chat::TokenRole::kExecution, chat::TokenRole::kUser}) {
    const auto index = static_cast<std::size_t>(role);
    if (loss.targets_by_role[index] == 0) continue;
    const double mean = loss.loss_by_role[index] / static_cast<double>(loss.targets_by_role[index]);
    values[std::string(chat::Name(role))] = mean;
    line += ", " + std::string(chat::Name(role)) + " " + Decimals(mean);
  }
  metrics_->Append(step_, {{"held_out", values}});
  Say(line);
  progress_->LeaveOut();
}

void Run::Log(const Totals& totals, double norm, double learning_rate, std::chrono::duration<double> time) {
  if (!first()) return;
  progress_->Step({.step = step_,
                   .loss = totals.mean(),
                   .learning_rate = learning_rate,
                   .tokens = static_cast<std::int64_t>(totals.tokens),
                   .operations = totals.flops});
  if (!Every(config_.watch.log_every)) return;
  base::Json values = {{"loss", totals.mean()},
                       {"learning_rate", learning_rate},
                       {"gradient_norm", norm},
                       {"tokens", totals.tokens},
                       {"tokens_per_second", totals.tokens / time.count()},
                       {"epoch", epoch_},
                       {"seconds", time.count()}};
  values["memory"] = ResidentBytes();
  values["peak_memory"] = PeakResidentBytes();
  if (const auto mfu = progress_->mfu()) values["mfu"] = *mfu;
  for (const chat::TokenRole role : {chat::TokenRole::kText, chat::TokenRole::kCode}) {
    const auto index = static_cast<std::size_t>(role);
    if (totals.loss.targets_by_role[index] == 0) continue;
    values["by_role"][std::string(chat::Name(role))] =
        totals.loss.loss_by_role[index] / static_cast<double>(totals.loss.targets_by_role[index]);
  }
  metrics_->Append(step_, values);
}

void Run::CheckOnProblems() {
  const fs::path folder = fs::path(config_.run) / "eval";
  const fs::path model = folder / "model.gguf";
  WriteGguf(preparation_, *state_, communicator_, model);
  if (first()) try {
      const ProblemCheck check = CheckProblems(model, config_.watch.eval_problems, config_.watch.eval_count,
                                               folder / ("step-" + std::to_string(step_) + ".jsonl"));
      metrics_->Append(
          step_,
          {{"problems",
            {{"correct", check.correct}, {"solved", check.solved}, {"unanswered", check.unanswered}, {"seconds", check.seconds}}}});
      metrics_->Text(step_, "transcripts", base::ReadFile(check.transcripts));
      Say("step " + std::to_string(step_) + ": " + std::to_string(check.correct) + " of " + std::to_string(check.solved) +
          " problems solved; " + check.transcripts.string());
    } catch (const base::Error& error) {  // a look at the model is not worth the training
      Note(std::string("the problems could not be checked: ") + error.what());
    }
  communicator_.Barrier();
  if (progress_) progress_->LeaveOut();
}

TrainingEnd Run::Train() {
  const std::int64_t total = preparation_.total_steps();
  // Frozen weights are in no checkpoint.
  const bool frozen = preparation_.layout().frozen_count() > 0;
  if (frozen) SetStart(preparation_, *state_);
  const bool resumed = Resume();
  const auto spent = [&] { return config_.minutes > 0 && Minutes() >= config_.minutes; };
  if (resumed && (step_ >= total || Agreed(spent())) && ResultIsWhole(config_)) {
    if (first())
      std::fprintf(stderr, "mathcoder train: %s is done (%lld steps); its result is in %s/result\n", config_.run.c_str(),
                   static_cast<long long>(step_), config_.run.c_str());
    return TrainingEnd::kDone;
  }
  if (!resumed && !frozen) SetStart(preparation_, *state_);
  if (first()) OpenOutputs(resumed);
  if (!resumed) {
    ReportHeldOut("before the first step");
    Save();  // a rollback needs one; and a run that dies soon has read its weights for nothing else
  }
  bool interrupted = false, out_of_time = resumed && Agreed(spent());
  while (step_ < total && !interrupted && !out_of_time) {
    const auto start = Clock::now();
    Totals totals = OneBatch();
    const double norm = state_->FinishGradients();
    totals.interrupted = options_.interrupted != nullptr && *options_.interrupted ? 1 : 0;
    if (first()) {  // one clock decides for all
      const std::chrono::duration<double, std::ratio<60>> since = Clock::now() - saved_;
      totals.save = config_.checkpoints.every_minutes > 0 && since.count() >= config_.checkpoints.every_minutes ? 1 : 0;
      totals.out_of_time = spent() ? 1 : 0;
    }
    totals.AddUp(communicator_, device_);
    interrupted = totals.interrupted > 0;
    out_of_time = totals.out_of_time > 0;

    const double learning_rate = LearningRate(schedule_, step_);
    const Guard::Verdict verdict = guard_.Observe(step_ + 1, totals.mean(), norm);
    epoch_ = position_.epoch;
    position_ = preparation_.After(position_);
    switch (verdict.action) {
      case Guard::Action::kStop:
        state_->DropGradients();
        checkpoint_.Wait();
        throw base::Error(verdict.reason + "; the checkpoints in " + config_.run + "/checkpoints are whole");
      case Guard::Action::kRollBack:
        state_->DropGradients();
        RollBack();
        Note(verdict.reason);
        continue;
      case Guard::Action::kSkip:
        state_->DropGradients();
        Note(verdict.reason);
        break;
      case Guard::Action::kGo: {
        const double clip = config_.optimizer.clip;
        state_->Step(learning_rate, step_ + 1, clip > 0 && norm > clip ? clip / norm : 1);
        break;
      }
    }
    ++step_;
    Log(totals, norm, learning_rate, Clock::now() - start);
    if (step_ == total) break;
    if (Every(config_.watch.held_out_every)) ReportHeldOut("step " + std::to_string(step_));
    if (Every(config_.watch.eval_every)) CheckOnProblems();
    checkpoint_.RaiseIfFailed();
    if (Every(config_.checkpoints.every_steps) || totals.save > 0) Save();
  }
  Save();
  checkpoint_.Wait();
  if (interrupted && step_ < total) {
    if (progress_) progress_->Finish();
    if (first()) {
      std::fprintf(stderr, "mathcoder train: stopped after step %lld of %lld; the same command goes on\n",
                   static_cast<long long>(step_), static_cast<long long>(total));
    }
    return TrainingEnd::kInterrupted;
  }
  ReportHeldOut("at the end");
  if (config_.watch.eval_every > 0) CheckOnProblems();
  const ResultPaths paths = WriteResult(preparation_, *state_, communicator_, config_.run);
  if (progress_) progress_->Finish();
  if (first() && !options_.quiet) {
    std::fprintf(stderr, "result: %s%s%s\n", paths.folder.c_str(), paths.gguf.empty() ? "" : (", " + paths.gguf.string()).c_str(),
                 paths.adapter.empty() ? "" : (", " + paths.adapter.string()).c_str());
  }
  return TrainingEnd::kDone;
}

}  // namespace

TrainingEnd Train(const Config& config, Communicator& communicator, const TrainerOptions& options) {
  SetThreads(config);
  return Run(config, communicator, options).Train();
}

}  // namespace mathcoder::train
