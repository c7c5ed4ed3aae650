// The answer to a query as text, and a reader that takes values by column NAME: the columns of PgBouncer and of
// PostgreSQL's views move and are renamed between versions. Pure; knows nothing of libpq.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace poolwright::postgres {

/// NULL reads as an empty text. Every row has as many values as there are columns.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

/// Reads one row. The first value that is missing or malformed makes the whole row an error (status()); reads after it
/// give zero values, so a parser is a list of reads followed by one check. Columns that nobody asks for are ignored.
/// The table must outlive the reader.
class RowReader {
 public:
  RowReader(const Table& table, std::size_t row) : table_(&table), row_(row) {}

  /// Printable text; bytes that are not UTF-8 or are control characters read as '?'.
  std::string text(std::string_view column);
  std::int64_t integer(std::string_view column);
  /// An integer of which a negative value is an error: counts, counters, sizes.
  std::int64_t count(std::string_view column);
  double number(std::string_view column);
  /// "0"/"1", "f"/"t", "no"/"yes".
  bool flag(std::string_view column);

  bool has(std::string_view column) { return find(column).has_value(); }
  /// The first of `names` that is a column, else an error: for columns that were renamed.
  std::string_view any_of(std::initializer_list<std::string_view> names);
  /// Nothing where the column is absent or empty.
  std::optional<std::int64_t> optional_count(std::string_view column);

  /// kProtocol, naming the column and what is wrong with it.
  Status status() const;

 private:
  std::optional<std::size_t> find(std::string_view column);
  const std::string* value(std::string_view column);
  void fail(std::string_view column, std::string_view problem);

  const Table* table_;
  std::size_t row_;
  std::size_t next_ = 0;  // where the search starts: columns are mostly asked for in order
  std::optional<Error> error_;
};

/// `bytes` cut to `bytes_max`, with anything unprintable or not UTF-8 replaced by '?'; whitespace becomes a blank.
/// What the other side says goes through this before it reaches an error, a log or a status.
std::string printable(std::string_view bytes, std::size_t bytes_max);

}  // namespace poolwright::postgres
