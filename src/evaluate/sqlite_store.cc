// The one file that names SQLite.
#include <sqlite3.h>

#include <map>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "evaluate/identity.h"
#include "evaluate/store.h"

namespace mathcoder::evaluate {
namespace {

constexpr char kSchema[] = R"sql(
CREATE TABLE IF NOT EXISTS run (identity TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS results (
  benchmark TEXT NOT NULL, question INTEGER NOT NULL, sample INTEGER NOT NULL,
  infrastructure INTEGER NOT NULL, seconds REAL NOT NULL, transcript TEXT NOT NULL,
  PRIMARY KEY (benchmark, question, sample)) WITHOUT ROWID;
)sql";

class SqliteStore : public Store {
 public:
  explicit SqliteStore(std::string path) : path_(std::move(path)) {
    sqlite3* opened = nullptr;
    const int code = ::sqlite3_open(path_.c_str(), &opened);
    db_.reset(opened);
    if (code != SQLITE_OK) Fail("cannot be opened");
    ::sqlite3_busy_timeout(db_.get(), 10000);
    // WAL with NORMAL: a killed program loses nothing, a power cut at most the last results, and never the file.
    Execute("PRAGMA journal_mode=WAL");
    Execute("PRAGMA synchronous=NORMAL");
    Execute(kSchema);
  }

  void Prepare(const std::string& identity, const std::vector<Task>& tasks) override {
    std::lock_guard lock(mutex_);
    {
      Statement known(*this, "SELECT identity FROM run");
      if (!known.Step()) {
        Statement insert(*this, "INSERT INTO run (identity) VALUES (?)");
        insert.Bind(1, identity);
        insert.Step();
      } else {
        const JoinedIdentity joined = JoinIdentities(std::string(known.Text(0)), identity);
        if (!joined.differs.empty()) {
          throw base::BadInput(path_ + ": holds results of a run with other settings: " + joined.differs +
                               "; choose another -o, or the same settings");
        }
        Statement update(*this, "UPDATE run SET identity = ?");
        update.Bind(1, joined.identity);
        update.Step();
      }
    }
    Execute("DELETE FROM results WHERE infrastructure");
    tasks_ = tasks;
    done_.assign(tasks.size(), State::kOpen);
    attempts_.clear();
    next_ = 0;
    done_count_ = 0;
    std::map<Task, std::size_t> places;
    for (std::size_t i = 0; i < tasks.size(); ++i) places.emplace(tasks[i], i);
    Statement results(*this, "SELECT benchmark, question, sample FROM results");
    while (results.Step()) {
      const auto found = places.find(
          {results.Text(0), static_cast<std::size_t>(results.Integer(1)), static_cast<std::uint32_t>(results.Integer(2))});
      if (found == places.end()) continue;  // a result that this selection does not ask for
      done_[found->second] = State::kDone;
      ++done_count_;
    }
    places_ = std::move(places);
  }

  std::optional<Task> Lease() override {
    std::lock_guard lock(mutex_);
    while (next_ < tasks_.size() && done_[next_] != State::kOpen) ++next_;
    if (next_ == tasks_.size()) return std::nullopt;
    done_[next_] = State::kLeased;
    return tasks_[next_++];
  }

  bool Finish(const Task& task, std::string_view transcript, bool infrastructure_failure, double seconds) override {
    std::lock_guard lock(mutex_);
    Statement insert(*this, "INSERT OR IGNORE INTO results VALUES (?, ?, ?, ?, ?, ?)");
    insert.Bind(1, task.benchmark);
    insert.Bind(2, static_cast<std::int64_t>(task.index));
    insert.Bind(3, static_cast<std::int64_t>(task.sample));
    insert.Bind(4, static_cast<std::int64_t>(infrastructure_failure ? 1 : 0));
    insert.Bind(5, seconds);
    insert.Bind(6, transcript);
    insert.Step();
    const bool kept = ::sqlite3_changes(db_.get()) > 0;
    if (const auto found = places_.find(task); kept && found != places_.end()) {
      done_[found->second] = State::kDone;
      ++done_count_;
    }
    return kept;
  }

  int GiveBack(const Task& task, bool failed) override {
    std::lock_guard lock(mutex_);
    if (const auto found = places_.find(task); found != places_.end() && done_[found->second] == State::kLeased) {
      done_[found->second] = State::kOpen;
      next_ = std::min(next_, found->second);
    }
    return failed ? ++attempts_[task] : attempts_[task];
  }

  void Heartbeat() override {}

  Count Counts() override {
    std::lock_guard lock(mutex_);
    return {tasks_.size(), done_count_};
  }

  void ForEach(const std::function<void(const Task&, std::string_view, double)>& visit) override {
    std::lock_guard lock(mutex_);
    Statement one(*this, "SELECT transcript, seconds FROM results WHERE benchmark = ? AND question = ? AND sample = ?");
    for (const Task& task : tasks_) {
      one.Bind(1, task.benchmark);
      one.Bind(2, static_cast<std::int64_t>(task.index));
      one.Bind(3, static_cast<std::int64_t>(task.sample));
      if (one.Step()) visit(task, one.Text(0), one.Real(1));
      one.Reset();
    }
  }

 private:
  enum class State : std::uint8_t { kOpen, kLeased, kDone };

  struct Close {
    void operator()(sqlite3* db) const { ::sqlite3_close(db); }
  };

  [[noreturn]] void Fail(const std::string& what) const {
    throw base::OutputFailure(path_ + ": " + what + " (" + (db_ ? ::sqlite3_errmsg(db_.get()) : "out of memory") + ")");
  }

  void Execute(const char* sql) {
    if (::sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return;
    if (::sqlite3_errcode(db_.get()) == SQLITE_NOTADB) throw base::BadInput(path_ + ": is no store of results; choose another -o");
    Fail("cannot be used");
  }

  class Statement {
   public:
    Statement(SqliteStore& store, const char* sql) : store_(store) {
      if (::sqlite3_prepare_v2(store.db_.get(), sql, -1, &statement_, nullptr) != SQLITE_OK) store.Fail("cannot be used");
    }
    ~Statement() { ::sqlite3_finalize(statement_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // Text is copied: callers may give temporaries.
    void Bind(int at, std::string_view text) {
      ::sqlite3_bind_text64(statement_, at, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    void Bind(int at, std::int64_t value) { ::sqlite3_bind_int64(statement_, at, value); }
    void Bind(int at, double value) { ::sqlite3_bind_double(statement_, at, value); }
    bool Step() {
      const int code = ::sqlite3_step(statement_);
      if (code != SQLITE_ROW && code != SQLITE_DONE) store_.Fail("cannot be written");
      return code == SQLITE_ROW;
    }
    void Reset() { ::sqlite3_reset(statement_); }
    std::string Text(int column) const {
      const auto* text = reinterpret_cast<const char*>(::sqlite3_column_text(statement_, column));
      return text == nullptr ? "" : std::string(text, static_cast<std::size_t>(::sqlite3_column_bytes(statement_, column)));
    }
    std::int64_t Integer(int column) const { return ::sqlite3_column_int64(statement_, column); }
    double Real(int column) const { return ::sqlite3_column_double(statement_, column); }

   private:
    SqliteStore& store_;
    sqlite3_stmt* statement_ = nullptr;
  };

  std::mutex mutex_;
  const std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
  // One program uses the file, so who holds what need not be in it.
  std::vector<Task> tasks_;
  std::map<Task, std::size_t> places_;
  std::vector<State> done_;
  std::map<Task, int> attempts_;
  std::size_t next_ = 0;
  std::size_t done_count_ = 0;
};

}  // namespace

std::unique_ptr<Store> OpenSqliteStore(const std::filesystem::path& path) { return std::make_unique<SqliteStore>(path.string()); }

}  // namespace mathcoder::evaluate
