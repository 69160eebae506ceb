#include "dataservice/pack/lmdb_writer.hpp"

#include <utility>

#include "common/error.hpp"

namespace facetrain {
namespace {

constexpr std::uint64_t kStep = std::uint64_t{1} << 30;  // bytes by which the map grows
constexpr std::uint64_t kSlack = std::uint64_t{64} << 20;

// A value may take a page more than its bytes, and a record that stays inside a leaf up to half an empty
// page.
std::uint64_t most_bytes(std::uint64_t records, std::uint64_t bytes) {
  return 2 * bytes + 8192 * records + kSlack;
}

}  // namespace

void LmdbWriter::check(int code, const char* what) const {
  if (code != MDB_SUCCESS)
    throw Error(ErrorKind::kIo, std::string(what) + " " + path_ + ": " + mdb_strerror(code));
}

LmdbWriter::LmdbWriter(std::string path) : path_(std::move(path)) {
  check(mdb_env_create(&environment_), "create");
  const int code = mdb_env_open(environment_, path_.c_str(), MDB_NOSUBDIR | MDB_NOLOCK | MDB_NORDAHEAD, 0666);
  if (code != MDB_SUCCESS) mdb_env_close(std::exchange(environment_, nullptr));
  check(code, "create");
}

LmdbWriter::~LmdbWriter() {
  if (transaction_ != nullptr) mdb_txn_abort(transaction_);
  if (environment_ != nullptr) mdb_env_close(environment_);
}

// The map is sized by what is there plus what comes, step by step: its size is stored in the file, and a
// reader maps all of it.
void LmdbWriter::reserve(std::uint64_t records, std::uint64_t bytes) {
  const std::uint64_t need = most_bytes(records, bytes);
  if (transaction_ != nullptr && need <= room_) return;
  commit();
  MDB_envinfo info{};
  MDB_stat status{};
  check(mdb_env_info(environment_, &info), "size");
  check(mdb_env_stat(environment_, &status), "size");
  const std::uint64_t used = (info.me_last_pgno + 1) * status.ms_psize;
  const std::uint64_t target = (used + need + kStep - 1) / kStep * kStep;
  if (target > info.me_mapsize) check(mdb_env_set_mapsize(environment_, target), "grow");
  room_ = std::max<std::uint64_t>(target, info.me_mapsize) - used;
  check(mdb_txn_begin(environment_, nullptr, 0, &transaction_), "write");
  check(mdb_dbi_open(transaction_, nullptr, 0, &database_), "write");
}

void LmdbWriter::put(std::string_view key, std::string_view value) {
  if (transaction_ == nullptr) throw Error(ErrorKind::kInternal, "put without reserve: " + path_);
  MDB_val k{key.size(), const_cast<char*>(key.data())}, v{value.size(), const_cast<char*>(value.data())};
  check(mdb_put(transaction_, database_, &k, &v, 0), "write");
  uncommitted_ += key.size() + value.size();
  const std::uint64_t taken = most_bytes(1, value.size()) - kSlack;
  room_ -= std::min(room_, taken);
}

void LmdbWriter::commit() {
  if (transaction_ == nullptr) return;
  uncommitted_ = 0;
  room_ = 0;
  check(mdb_txn_commit(std::exchange(transaction_, nullptr)), "write");
}

}  // namespace facetrain
