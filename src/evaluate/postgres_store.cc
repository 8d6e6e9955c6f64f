// The one file that names libpq.
#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <thread>
#include <utility>

#include "base/error.h"
#include "evaluate/store.h"

namespace mathcoder::evaluate {
namespace {

// All times are the server's: clocks of workers do not matter. The lock keeps two first workers from creating the tables at once.
constexpr char kSchema[] = R"sql(
BEGIN;
SELECT pg_advisory_xact_lock(5310373111);
CREATE SCHEMA IF NOT EXISTS mathcoder;
CREATE TABLE IF NOT EXISTS mathcoder.runs (run text PRIMARY KEY, identity text NOT NULL, made timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS mathcoder.tasks (
  run text NOT NULL REFERENCES mathcoder.runs ON DELETE CASCADE, place integer NOT NULL,
  benchmark text NOT NULL, question integer NOT NULL, sample integer NOT NULL,
  done boolean NOT NULL DEFAULT false, attempts integer NOT NULL DEFAULT 0,
  worker text, lease_until timestamptz,
  PRIMARY KEY (run, benchmark, question, sample));
CREATE INDEX IF NOT EXISTS tasks_open ON mathcoder.tasks (run, place) WHERE NOT done;
CREATE TABLE IF NOT EXISTS mathcoder.results (
  run text NOT NULL, benchmark text NOT NULL, question integer NOT NULL, sample integer NOT NULL,
  worker text NOT NULL, infrastructure boolean NOT NULL, seconds double precision NOT NULL, transcript text NOT NULL,
  PRIMARY KEY (run, benchmark, question, sample),
  FOREIGN KEY (run, benchmark, question, sample) REFERENCES mathcoder.tasks ON DELETE CASCADE);
COMMIT;
)sql";

// SKIP LOCKED: two workers that ask at once get two tasks, and neither waits.
constexpr char kLease[] = R"sql(
UPDATE mathcoder.tasks SET worker = $2, lease_until = clock_timestamp() + $3 * interval '1 millisecond'
WHERE (run, benchmark, question, sample) = (
  SELECT run, benchmark, question, sample FROM mathcoder.tasks
  WHERE run = $1 AND NOT done AND (lease_until IS NULL OR lease_until < clock_timestamp())
  ORDER BY place LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING benchmark, question, sample)sql";

// The primary key decides who was first; whoever it was, the task is done.
constexpr char kFinish[] = R"sql(
WITH kept AS (
  INSERT INTO mathcoder.results (run, benchmark, question, sample, worker, infrastructure, seconds, transcript)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING 1),
ended AS (
  UPDATE mathcoder.tasks SET done = true, worker = NULL, lease_until = NULL
  WHERE run = $1 AND benchmark = $2 AND question = $3 AND sample = $4)
SELECT count(*) FROM kept)sql";

// Only while the lease is still this worker's: another's must not be taken from it.
constexpr char kGiveBack[] = R"sql(
UPDATE mathcoder.tasks SET worker = NULL, lease_until = NULL, attempts = attempts + $6
WHERE run = $1 AND benchmark = $2 AND question = $3 AND sample = $4 AND worker = $5 AND NOT done
RETURNING attempts)sql";

constexpr char kReopen[] = R"sql(
WITH failed AS (DELETE FROM mathcoder.results WHERE run = $1 AND infrastructure RETURNING benchmark, question, sample)
UPDATE mathcoder.tasks AS t SET done = false, attempts = 0 FROM failed AS f
WHERE t.run = $1 AND t.benchmark = f.benchmark AND t.question = f.question AND t.sample = f.sample)sql";

using Texts = std::vector<std::string>;

template <typename T>
T Number(const std::string& text) {
  T value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// PostgreSQL's text holds no NUL; JSON writes one as \u0000, which stays as it is.
class PostgresStore : public Store {
 public:
  PostgresStore(const std::string& url, std::string run, const StoreOptions& options)
      : run_(std::move(run)), worker_(options.worker), lease_(std::to_string(options.lease.count())), connection_(Connect(url)) {
    if (connection_)
      ::PQsetNoticeProcessor(
          connection_.get(), [](void*, const char*) {}, nullptr);  // not between our own lines
    if (!connection_ || ::PQstatus(connection_.get()) != CONNECTION_OK) {
      throw base::Unavailable("--store: PostgreSQL cannot be reached: " + Message() + "; check the URL, and that the server runs");
    }
    // "already exists" is no news.
    Check(::PQexec(connection_.get(), "SET client_min_messages = warning"), PGRES_COMMAND_OK);
    Check(::PQexec(connection_.get(), kSchema), PGRES_COMMAND_OK);
  }

  void Prepare(const std::string& identity, const std::vector<Task>& tasks) override {
    std::lock_guard lock(mutex_);
    // The tasks are part of what workers must agree on.
    std::string whole = identity;
    for (const Task& task : tasks)
      whole += "\n" + task.benchmark + " " + std::to_string(task.index) + " " + std::to_string(task.sample);
    Query("INSERT INTO mathcoder.runs (run, identity) VALUES ($1, $2) ON CONFLICT DO NOTHING", {run_, whole});
    const auto known = Query("SELECT identity FROM mathcoder.runs WHERE run = $1", {run_});
    if (known.empty() || known[0][0] != whole) {
      throw base::BadInput(
          "--store: the run '" + run_ +
          "' in the database was made with other settings, questions or samples; choose another --run, or the same settings");
    }
    std::string places = "{", benchmarks = "{", questions = "{", samples = "{";
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const char* const comma = i == 0 ? "" : ",";
      places += comma + std::to_string(i);
      benchmarks += comma + ("\"" + tasks[i].benchmark + "\"");
      questions += comma + std::to_string(tasks[i].index);
      samples += comma + std::to_string(tasks[i].sample);
    }
    Query(
        "INSERT INTO mathcoder.tasks (run, place, benchmark, question, sample) "
        "SELECT $1, p, b, q, s FROM unnest($2::int[], $3::text[], $4::int[], $5::int[]) AS t(p, b, q, s) ON CONFLICT DO NOTHING",
        {run_, places + "}", benchmarks + "}", questions + "}", samples + "}"});
    Query(kReopen, {run_});
  }

  std::optional<Task> Lease() override {
    std::lock_guard lock(mutex_);
    const auto rows = Query(kLease, {run_, worker_, lease_});
    if (rows.empty()) return std::nullopt;
    return TaskOf(rows[0]);
  }

  bool Finish(const Task& task, std::string_view transcript, bool infrastructure_failure, double seconds) override {
    std::lock_guard lock(mutex_);
    const auto rows = Query(kFinish, {run_, task.benchmark, std::to_string(task.index), std::to_string(task.sample), worker_,
                                      infrastructure_failure ? "t" : "f", std::to_string(seconds), std::string(transcript)});
    return rows.at(0)[0] == "1";
  }

  int GiveBack(const Task& task, bool failed) override {
    std::lock_guard lock(mutex_);
    const auto rows = Query(
        kGiveBack, {run_, task.benchmark, std::to_string(task.index), std::to_string(task.sample), worker_, failed ? "1" : "0"});
    return rows.empty() ? 0 : Number<int>(rows[0][0]);
  }

  void Heartbeat() override {
    std::lock_guard lock(mutex_);
    Query(
        "UPDATE mathcoder.tasks SET lease_until = clock_timestamp() + $3 * interval '1 millisecond' "
        "WHERE run = $1 AND worker = $2 AND NOT done",
        {run_, worker_, lease_});
  }

  Count Counts() override {
    std::lock_guard lock(mutex_);
    const auto rows = Query("SELECT count(*), count(*) FILTER (WHERE done) FROM mathcoder.tasks WHERE run = $1", {run_});
    return {Number<std::size_t>(rows.at(0)[0]), Number<std::size_t>(rows[0][1])};
  }

  void ForEach(const std::function<void(const Task&, std::string_view, double)>& visit) override {
    std::lock_guard lock(mutex_);
    // By keys, a few hundred at a time: a run's transcripts need not fit in memory.
    std::string after = "-1";
    for (;;) {
      const auto rows = Query(
          "SELECT r.benchmark, r.question, r.sample, r.transcript, r.seconds, t.place FROM mathcoder.results r "
          "JOIN mathcoder.tasks t USING (run, benchmark, question, sample) "
          "WHERE run = $1 AND t.place > $2 ORDER BY t.place LIMIT 200",
          {run_, after});
      if (rows.empty()) return;
      for (const Texts& row : rows) visit(TaskOf(row), row[3], Number<double>(row[4]));
      after = rows.back()[5];
    }
  }

 private:
  struct Finisher {
    void operator()(PGconn* connection) const { ::PQfinish(connection); }
    void operator()(PGresult* result) const { ::PQclear(result); }
  };
  using ResultPtr = std::unique_ptr<PGresult, Finisher>;

  // The URL comes last, so what it says wins: without limits a host that does not answer would hold the program for minutes.
  static PGconn* Connect(const std::string& url) {
    const char* const keys[] = {"connect_timeout", "tcp_user_timeout", "fallback_application_name", "dbname", nullptr};
    const char* const values[] = {"10", "30000", "mathcoder", url.c_str(), nullptr};
    return ::PQconnectdbParams(keys, values, 1);
  }

  static Task TaskOf(const Texts& row) { return {row[0], Number<std::size_t>(row[1]), Number<std::uint32_t>(row[2])}; }

  std::string Message() const {
    std::string text = connection_ ? ::PQerrorMessage(connection_.get()) : "out of memory";
    std::ranges::replace(text, '\n', ' ');
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
  }

  void Check(PGresult* raw, ExecStatusType wanted) const {
    const ResultPtr result(raw);
    if (::PQresultStatus(result.get()) != wanted) throw base::Unavailable("--store: PostgreSQL refused: " + Message());
  }

  // Every statement may be sent twice without harm (keys, absolute values), so a lost connection is made again and the statement
  // repeated, for as long as half a minute. An attempt may then count twice, or a lease pass unused: it expires.
  std::vector<Texts> Query(const char* sql, const Texts& values) {
    constexpr int kTries = 30;
    std::vector<const char*> pointers;
    for (const std::string& value : values) pointers.push_back(value.c_str());
    for (int attempt = 1;; ++attempt) {
      const ResultPtr result(
          ::PQexecParams(connection_.get(), sql, static_cast<int>(pointers.size()), nullptr, pointers.data(), nullptr, nullptr, 0));
      const ExecStatusType status = ::PQresultStatus(result.get());
      if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return Rows(result.get());
      // What the server refuses has a code. Without one the connection broke, even where libpq still calls it good: so after a
      // crash of the server, whose last words were read while the statement could not be sent.
      const bool refused =
          ::PQstatus(connection_.get()) == CONNECTION_OK && ::PQresultErrorField(result.get(), PG_DIAG_SQLSTATE) != nullptr;
      if (refused || attempt == kTries) throw base::Unavailable("--store: PostgreSQL refused: " + Message());
      std::this_thread::sleep_for(std::chrono::seconds(1));
      ::PQreset(connection_.get());
    }
  }

  static std::vector<Texts> Rows(const PGresult* result) {
    std::vector<Texts> rows(static_cast<std::size_t>(::PQntuples(result)));
    for (std::size_t row = 0; row < rows.size(); ++row) {
      for (int column = 0; column < ::PQnfields(result); ++column) {
        const int at = static_cast<int>(row);
        rows[row].emplace_back(::PQgetvalue(result, at, column), static_cast<std::size_t>(::PQgetlength(result, at, column)));
      }
    }
    return rows;
  }

  std::mutex mutex_;
  const std::string run_;
  const std::string worker_;
  const std::string lease_;
  std::unique_ptr<PGconn, Finisher> connection_;
};

}  // namespace

std::unique_ptr<Store> OpenPostgresStore(const std::string& url, const std::string& run, const StoreOptions& options) {
  return std::make_unique<PostgresStore>(url, run, options);
}

}  // namespace mathcoder::evaluate
