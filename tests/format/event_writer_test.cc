#include "format/event_writer.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>

#include "base/byte_sink.h"

using namespace oc;
using event::Field;
using event::FieldKind;

namespace {

constexpr uint16_t kPeriodAt = 8;

Field field(const char* name, FieldKind kind, uint32_t offset, uint32_t size, bool is_signed) {
  Field made;
  made.name = name;
  made.type = "int";
  made.kind = kind;
  made.offset = offset;
  made.size = made.element_size = size;
  made.is_signed = is_signed;
  return made;
}

/// pid (hidden by the common one), a text, a 64-bit number, an address, an array, a text of its own length.
event::EventFormat format() {
  event::EventFormat made;
  made.system = "a";
  made.name = "b";
  made.fields = {field("common_type", FieldKind::kInteger, 0, 2, false),
                 field("pid", FieldKind::kInteger, 4, 4, true),
                 field("text", FieldKind::kChars, 8, 16, true),
                 field("big", FieldKind::kInteger, 24, 8, false),
                 field("at", FieldKind::kPointer, 32, 8, false),
                 field("list", FieldKind::kArray, 40, 4, true),
                 field("tail", FieldKind::kDynamicChars, 44, 4, true)};
  made.fields[0].is_common = true;
  made.fields[3].type = "unsigned long";
  made.fields[2].element_size = 1;
  made.fields[5].element_size = 2;
  made.fields[5].count = 2;
  return made;
}

std::vector<uint8_t> payload(std::string_view text, std::string_view tail, uint64_t big) {
  base::ByteSink sink;
  sink.put(uint32_t{1});
  sink.put(int32_t{-7});
  std::string padded(text);
  padded.resize(16);
  sink.put_bytes({reinterpret_cast<const uint8_t*>(padded.data()), padded.size()});
  sink.put(big);
  sink.put(uint64_t{0xffff800000000010});
  sink.put(int16_t{-1});
  sink.put(int16_t{2});
  sink.put(static_cast<uint32_t>(tail.size() << 16 | 48));
  sink.put_bytes({reinterpret_cast<const uint8_t*>(tail.data()), tail.size()});
  return {sink.bytes().begin(), sink.bytes().end()};
}

struct Written {
  std::string bytes;
  base::Status status;
};

/// A table of two rows: one with everything odd, one whose payload ends before its fields do.
Written write(format::EventTableFormat how, bool has_payload = true) {
  static const event::EventFormat known = format();
  base::Interner names;
  const base::StringId comm = names.intern("a \"b\",\n\xff");
  Written written;
  const auto out = format::Output::into(written.bytes);
  std::vector<format::EventColumns> kinds(2);
  kinds[0].name = "a:b";
  kinds[0].format = has_payload ? &known : nullptr;
  kinds[1].name = "cycles'";
  kinds[1].period = kPeriodAt;
  auto writer = format::make_event_writer(how, kinds, names, *out);
  REQUIRE(writer);
  const auto bytes = payload("x,\"y\"\n\xc3\xa4\xff", std::string_view("t\0u", 3), UINT64_MAX);
  format::EventRow row;
  row.time = 5;
  row.comm = comm;
  row.cpu = 1;
  row.pid = row.tid = 12;
  row.payload = bytes;
  (*writer)->add(row);
  row.payload = std::span(bytes).first(20);
  (*writer)->add(row);
  base::ByteSink record;
  record.put(uint64_t{0});
  record.put(uint64_t{99});
  row.kind = 1;
  row.record = record.bytes().data();
  row.cpu = row.tid = -1;
  (*writer)->add(row);
  format::EventTableFacts facts;
  facts.losses.push_back({0, "a:b", 3});
  written.status = (*writer)->finish(facts);
  if (written.status) written.status = out->finish();
  return written;
}

std::string ask(const std::string& bytes, const char* sql) {
  char path[] = "/tmp/oc-event-writer-XXXXXX";
  const int fd = mkstemp(path);
  REQUIRE(fd >= 0);
  REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  close(fd);
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(path, &database) == SQLITE_OK);
  std::string answer;
  const auto add = [](void* to, int count, char** values, char**) {
    for (int i = 0; i < count; ++i)
      *static_cast<std::string*>(to) += std::string(values[i] == nullptr ? "-" : values[i]) + "|";
    return 0;
  };
  CHECK(sqlite3_exec(database, sql, add, &answer, nullptr) == SQLITE_OK);
  sqlite3_close(database);
  unlink(path);
  return answer;
}

}  // namespace

TEST_CASE("events as CSV: a column for each name, quotes where RFC 4180 wants them") {
  const Written written = write(format::EventTableFormat::kCsv);
  REQUIRE(written.status);
  const std::string comm = "\"a \"\"b\"\",\n\xef\xbf\xbd\"";
  CHECK(written.bytes ==
        "time,cpu,pid,tid,comm,event,period,args.pid,text,big,at,list,tail\n"
        "5,1,12,12," +
            comm +
            ",a:b,,-7,\"x,\"\"y\"\"\n\xc3\xa4\xef\xbf\xbd\","
            "18446744073709551615,0xffff800000000010,\"[-1,2]\",t\n"
            "5,1,12,12," +
            comm +
            ",a:b,,-7,,,,,\n"
            "5,,12,," +
            comm + ",cycles',99,,,,,,\n");
}

TEST_CASE("events as JSON: what a record does not have is no member") {
  const Written written = write(format::EventTableFormat::kJsonLines);
  REQUIRE(written.status);
  const std::string comm = "\"a \\\"b\\\",\\u000a\xef\xbf\xbd\"";
  CHECK(written.bytes ==
        "{\"time\":5,\"cpu\":1,\"pid\":12,\"tid\":12,\"comm\":" + comm +
            ",\"event\":\"a:b\",\"text\":\"x,\\\"y\\\"\\u000a\xc3\xa4\xef\xbf\xbd\","
            "\"big\":18446744073709551615,\"at\":\"0xffff800000000010\",\"list\":[-1,2],"
            "\"tail\":\"t\",\"args\":{\"pid\":-7}}\n"
            "{\"time\":5,\"cpu\":1,\"pid\":12,\"tid\":12,\"comm\":" +
            comm +
            ",\"event\":\"a:b\",\"args\":{\"pid\":-7}}\n"
            "{\"time\":5,\"pid\":12,\"comm\":" +
            comm + ",\"event\":\"cycles'\",\"period\":99}\n");
}

TEST_CASE("events as SQLite: a table for each kind, numbers as numbers") {
  const Written written = write(format::EventTableFormat::kSqlite);
  REQUIRE(written.status);
  CHECK(ask(written.bytes,
            "SELECT typeof(\"args.pid\"), \"args.pid\", text, typeof(big), big, at, list, tail "
            "FROM \"a:b\"") ==
        "integer|-7|x,\"y\"\n\xc3\xa4\xef\xbf\xbd|text|0xffffffffffffffff|0xffff800000000010|[-1,2]"
        "|t|"
        "integer|-7|-|null|-|-|-|-|");
  CHECK(ask(written.bytes, "SELECT period, cpu, pid, tid FROM \"cycles'\"") == "99|-|12|-|");
  CHECK(ask(written.bytes, "SELECT count(*), count(DISTINCT event) FROM events") == "3|2|");
  CHECK(ask(written.bytes, "SELECT * FROM losses") == "0|a:b|3|");
}

TEST_CASE("an event whose payload nobody knows has the common columns") {
  const Written written = write(format::EventTableFormat::kCsv, false);
  CHECK(written.bytes.starts_with("time,cpu,pid,tid,comm,event,period\n"));
}

namespace {

event::EventFormat some_format() { return format(); }

/// A database of these kinds, of each so many rows.
std::string database_of(const std::vector<format::EventColumns>& kinds, const std::string& comm,
                        int rows) {
  base::Interner names;
  std::string bytes;
  const auto out = format::Output::into(bytes);
  auto writer = format::make_event_writer(format::EventTableFormat::kSqlite, kinds, names, *out);
  REQUIRE(writer);
  const uint64_t record[] = {0, 99};
  for (int i = 0; i < rows; ++i) {
    format::EventRow row;
    row.time = i;
    row.kind = static_cast<uint32_t>(static_cast<size_t>(i) % kinds.size());
    row.comm = names.intern(comm);
    row.record = reinterpret_cast<const uint8_t*>(record);
    (*writer)->add(row);
  }
  REQUIRE((*writer)->finish({}));
  REQUIRE(out->finish());
  return bytes;
}

}  // namespace

TEST_CASE("SQLite: a view of all events, however many kinds there are") {
  CHECK(ask(database_of({}, "", 0), "SELECT count(*) FROM events") == "0|");
  std::vector<format::EventColumns> kinds(1201);
  for (size_t i = 0; i < kinds.size(); ++i) kinds[i].name = "k" + std::to_string(i);
  const std::string bytes = database_of(kinds, "a", 1201);
  CHECK(ask(bytes, "SELECT count(*), count(DISTINCT event) FROM events") == "1201|1201|");
  CHECK(ask(bytes, "SELECT event FROM events WHERE time_ns = 1200") == "k1200|");
}

TEST_CASE("SQLite: one table for an event that was asked for in two ways, none for dummies") {
  static const event::EventFormat one = some_format(), other = some_format();
  std::vector<format::EventColumns> kinds(5);
  kinds[0].name = kinds[1].name = "cycles";
  kinds[1].period = kPeriodAt;
  kinds[2].name = "dummy:u";
  kinds[3].name = kinds[4].name = "a:b";
  kinds[3].format = &one;
  kinds[4].format = &other;
  const std::string bytes = database_of(kinds, "a\tb", 5);
  CHECK(ask(bytes, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") ==
        "a:b|cycles|facts|losses|");
  CHECK(ask(bytes, "SELECT time_ns, period FROM cycles") == "0|-|1|99|");
  CHECK(ask(bytes, "SELECT count(*) FROM \"a:b\"") == "2|");
  CHECK(ask(bytes, "SELECT DISTINCT comm FROM events") == "a\tb|");
}
