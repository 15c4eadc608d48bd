// one thing: the whole format, read as its specification says.
#include "support/nettrace_reader.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "base/bytes.h"

namespace oc::test {

namespace {

using base::Bytes;

enum Block : uint8_t {
  kEnd,
  kTrace,
  kEvent,
  kMetadata,
  kSequencePoint,
  kStack,
  kThread,
  kRemoveThread,
  kLabels
};
enum Type : uint8_t {
  kObject = 1,
  kArray = 19,
  kVarInt = 20,
  kVarUInt = 21,
  kFixedArray = 22,
  kUtf8 = 23,
  kRelLoc = 24,
  kDataLoc = 25
};

/// Thrown nowhere else: what is wrong ends the reading at once.
struct Wrong {
  std::string what;
};

void demand(bool is_so, const char* what) {
  if (!is_so) throw Wrong{what};
}

uint64_t read_varuint(Bytes& bytes, unsigned most_bits) {
  uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = bytes.read<uint8_t>();
    demand(!bytes.failed(), "a number is cut");
    demand(shift < 63 || byte <= 1, "a number has more than 64 bits");
    value |= uint64_t{byte & 0x7fu} << shift;
    if (!(byte & 0x80)) break;
  }
  demand(most_bits == 64 || value >> most_bits == 0, "a number is too large");
  return value;
}

int64_t read_varint(Bytes& bytes) {
  const uint64_t value = read_varuint(bytes, 64);
  return static_cast<int64_t>(value >> 1 ^ (~(value & 1) + 1));
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<uint8_t>(text[i]);
    const size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<uint8_t>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

std::string checked(std::string_view text) {
  demand(is_utf8(text), "a text is no UTF-8");
  return std::string(text);
}

std::string read_text(Bytes& bytes) {
  const uint64_t size = read_varuint(bytes, 32);
  const auto text = bytes.text(size);
  demand(!bytes.failed(), "a text is cut");
  return checked(text);
}

std::string read_digits(Bytes& bytes, size_t size) {
  std::string digits;
  for (const uint8_t byte : bytes.take(size)) {
    for (const int half : {byte >> 4, byte & 15}) digits += "0123456789abcdef"[half];
  }
  return digits;
}

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  NettraceFile read() {
    demand(bytes_.text(8) == "Nettrace", "the magic is missing");
    demand(bytes_.read<uint32_t>() == 0, "the reserved number is not 0");
    demand(bytes_.read<uint32_t>() == 6, "the major version is not 6");
    bytes_.read<uint32_t>();
    demand(!bytes_.failed(), "the header is cut");
    for (bool is_first = true;; is_first = false) {
      const auto header = bytes_.read<uint32_t>();
      demand(!bytes_.failed(), "there is no block that ends the file");
      const auto kind = static_cast<uint8_t>(header >> 24);
      const auto block = bytes_.take(header & 0xffffff);
      demand(!bytes_.failed(), "a block is cut");
      demand((kind == kTrace) == is_first, "the first block, and only that, must be the trace's");
      ++file_.blocks[kind];
      file_.largest_block = std::max(file_.largest_block, block.size());
      if (kind == kEnd) {
        demand(block.empty() && bytes_.remaining() == 0, "something follows the end");
        return std::move(file_);
      }
      read_block(kind, Bytes(block));
    }
  }
  size_t offset() const { return bytes_.offset(); }

 private:
  void read_block(uint8_t kind, Bytes block) {
    switch (kind) {
      case kTrace:
        return read_trace(block);
      case kEvent:
        return read_events(block);
      case kMetadata:
        return read_metadata(block);
      case kSequencePoint:
        return read_sequence_point(block);
      case kStack:
        return read_stacks(block);
      case kThread:
        return read_threads(block);
      case kRemoveThread:
        return remove_threads(block);
      case kLabels:
        return read_labels(block);
      default:
        return;  // newer minor versions have others
    }
  }

  void read_trace(Bytes& block) {
    for (int16_t& part : file_.wall) part = block.read<int16_t>();
    file_.sync_ticks = block.read<int64_t>();
    file_.frequency = block.read<int64_t>();
    file_.pointer_size = block.read<int32_t>();
    const auto pairs = block.read<uint32_t>();
    for (uint32_t i = 0; i < pairs && !block.failed(); ++i) {
      const std::string name = read_text(block);
      file_.facts[name] = read_text(block);
    }
    demand(!block.failed() && block.remaining() == 0, "the trace block has another size");
    demand(file_.frequency > 0, "the ticks have no frequency");
    demand(file_.pointer_size == 8 || file_.pointer_size == 4,
           "pointers have neither 4 nor 8 bytes");
    demand(file_.wall[1] >= 1 && file_.wall[1] <= 12 && file_.wall[3] >= 1 && file_.wall[3] <= 31 &&
               file_.wall[2] >= 0 && file_.wall[2] <= 6,
           "the time is none");
  }

  /// Steps over a type; the elements of RelLoc and DataLoc must have a fixed size, which we do not write.
  void skip_type(Bytes& bytes, int depth = 0) {
    demand(depth < 16, "types are nested too deeply");
    const auto code = bytes.read<uint8_t>();
    demand(code >= 1 && code <= 26 && code != 2 && code != 15, "there is no such type");
    if (code == kArray || code == kFixedArray || code == kRelLoc || code == kDataLoc)
      skip_type(bytes, depth + 1);
    if (code == kFixedArray) bytes.read<uint16_t>();
    if (code == kObject) read_fields(bytes, depth + 1);
    demand(!bytes.failed(), "a type is cut");
  }

  std::vector<NettraceFile::Field> read_fields(Bytes& bytes, int depth = 0) {
    std::vector<NettraceFile::Field> fields;
    const auto count = bytes.read<uint16_t>();
    for (uint16_t i = 0; i < count; ++i) {
      Bytes field(bytes.take(bytes.read<uint16_t>()));
      demand(!bytes.failed(), "a field is cut");
      NettraceFile::Field read;
      read.name = read_text(field);
      const uint8_t* type = field.at();
      skip_type(field, depth);
      read.type.assign(type, field.at());
      fields.push_back(std::move(read));
    }
    return fields;
  }

  void read_metadata(Bytes& block) {
    block.skip(block.read<uint16_t>());
    while (block.remaining() != 0) {
      Bytes row(block.take(block.read<uint16_t>()));
      demand(!block.failed(), "a row of metadata is cut");
      NettraceFile::Kind kind;
      kind.id = static_cast<uint32_t>(read_varuint(row, 32));
      kind.provider = read_text(row);
      kind.number = static_cast<uint32_t>(read_varuint(row, 32));
      kind.name = read_text(row);
      kind.fields = read_fields(row);
      Bytes facts(row.take(row.read<uint16_t>()));
      demand(!row.failed(), "optional metadata are cut");
      while (facts.remaining() != 0) read_fact(facts, kind);
      demand(kind.id != 0, "metadata have the id 0");
      const bool is_new = kinds_.try_emplace(kind.id, file_.kinds.size()).second;
      demand(is_new, "an id of metadata is used twice");
      file_.kinds.push_back(std::move(kind));
    }
  }

  void read_fact(Bytes& facts, NettraceFile::Kind& kind) {
    switch (facts.read<uint8_t>()) {
      case 1:
      case 8:
      case 9:
        facts.skip(1);
        break;
      case 3:
        facts.skip(8);
        break;
      case 4:
      case 5:
        read_text(facts);
        break;
      case 6: {
        const std::string name = read_text(facts);
        kind.facts[name] = read_text(facts);
        break;
      }
      case 7:
        facts.skip(16);
        break;
      default:
        throw Wrong{"there is no such kind of optional metadata"};
    }
    demand(!facts.failed(), "optional metadata are cut");
  }

  void read_threads(Bytes& block) {
    while (block.remaining() != 0) {
      Bytes row(block.take(block.read<uint16_t>()));
      demand(!block.failed(), "a row of a thread is cut");
      NettraceFile::Thread thread;
      thread.index = read_varuint(row, 64);
      while (row.remaining() != 0) {
        switch (row.read<uint8_t>()) {
          case 1:
            thread.name = read_text(row);
            break;
          case 2:
            thread.pid = read_varuint(row, 64);
            break;
          case 3:
            thread.tid = read_varuint(row, 64);
            break;
          case 4: {
            const std::string name = read_text(row);
            thread.facts[name] = read_text(row);
            break;
          }
          default:
            throw Wrong{"there is no such fact of a thread"};
        }
      }
      const bool is_new = threads_.try_emplace(thread.index, file_.threads.size()).second;
      demand(is_new, "a thread index is used twice");
      sequences_[thread.index] = 0;
      file_.threads.push_back(std::move(thread));
    }
  }

  /// An end of a thread's numbers: what is missing before it was lost.
  void check_sequence(uint64_t thread, uint32_t sequence) {
    const auto at = sequences_.find(thread);
    demand(at != sequences_.end(), "a thread was not told before");
    const auto missing = static_cast<int32_t>(sequence - at->second);
    demand(missing >= 0, "a sequence number goes back");
    file_.lost += static_cast<uint32_t>(missing);
    at->second = sequence;
  }

  void remove_threads(Bytes& block) {
    while (block.remaining() != 0) {
      const uint64_t index = read_varuint(block, 64);
      check_sequence(index, static_cast<uint32_t>(read_varuint(block, 32)));
      threads_.erase(index);
      sequences_.erase(index);
    }
  }

  void read_stacks(Bytes& block) {
    const auto first = block.read<uint32_t>(), count = block.read<uint32_t>();
    demand(!block.failed() && first >= 1, "stacks begin with id 0");
    for (uint32_t i = 0; i < count; ++i) {
      Bytes stack(block.take(block.read<uint32_t>()));
      demand(!block.failed(), "a stack is cut");
      std::vector<uint64_t> addresses;
      while (stack.remaining() != 0) {
        addresses.push_back(file_.pointer_size == 8 ? stack.read<uint64_t>()
                                                    : stack.read<uint32_t>());
      }
      demand(!stack.failed(), "a stack is not a number of pointers");
      demand(stacks_.try_emplace(first + i, std::move(addresses)).second,
             "a stack's id is used twice");
    }
    demand(block.remaining() == 0, "there are more stacks than were counted");
  }

  void read_labels(Bytes& block) {
    const auto first = block.read<uint32_t>(), count = block.read<uint32_t>();
    demand(!block.failed() && first >= 1, "label lists begin with id 0");
    for (uint32_t i = 0; i < count; ++i) {
      std::vector<NettraceFile::Label> list;
      for (bool is_last = false; !is_last;) {
        NettraceFile::Label label;
        const auto kind = block.read<uint8_t>();
        label.kind = kind & 0x7f;
        is_last = (kind & 0x80) != 0;
        if (label.kind >= 1 && label.kind <= 3)
          label.text = read_digits(block, 16);
        else if (label.kind == 4 || label.kind == 8)
          label.number = block.read<int64_t>();
        else if (label.kind == 7 || label.kind == 9 || label.kind == 10)
          label.number = block.read<uint8_t>();
        else if (label.kind == 5 || label.kind == 6) {
          label.name = read_text(block);
          if (label.kind == 5)
            label.text = read_text(block);
          else
            label.number = read_varint(block);
        } else
          throw Wrong{"there is no such kind of label"};
        demand(!block.failed(), "a label is cut");
        list.push_back(std::move(label));
      }
      demand(labels_.try_emplace(first + i, std::move(list)).second,
             "a label list's id is used twice");
    }
    demand(block.remaining() == 0, "there are more label lists than were counted");
  }

  void read_sequence_point(Bytes& block) {
    const auto time = block.read<uint64_t>();
    const auto flags = block.read<uint32_t>(), count = block.read<uint32_t>();
    demand(time >= window_, "sequence points go back in time");
    demand(static_cast<int64_t>(time) >= newest_,
           "an event before a sequence point is younger than it");
    for (uint32_t i = 0; i < count; ++i) {
      const uint64_t index = read_varuint(block, 64);
      check_sequence(index, static_cast<uint32_t>(read_varuint(block, 32)));
    }
    demand(!block.failed() && block.remaining() == 0, "a sequence point has another size");
    window_ = time;
    stacks_.clear();
    labels_.clear();
    if (flags & 1) threads_.clear(), sequences_.clear();
    if (flags & 2) kinds_.clear();
  }

  /// A compressed header, as it follows from the one before.
  struct Header {
    uint32_t kind = 0, sequence = 0, cpu = 0, stack = 0, labels = 0, size = 0;
    uint64_t capture = 0, thread = 0;
    int64_t time = 0;
  };

  void read_events(Bytes& block) {
    const auto size = block.read<uint16_t>(), flags = block.read<uint16_t>();
    const auto first = block.read<int64_t>(), last = block.read<int64_t>();
    demand(size >= 20 && !block.failed(), "the header of a block of events is cut");
    demand(flags & 1, "headers of events are not compressed: we read no such files");
    block.skip(size - 20);
    demand(block.remaining() != 0, "a block of events has none");
    Header header;
    while (block.remaining() != 0) {
      const auto bits = block.read<uint8_t>();
      const auto number = [&] { return static_cast<uint32_t>(read_varuint(block, 32)); };
      if (bits & 1) header.kind = number();
      if (bits & 2) {
        header.sequence += number();
        header.capture = read_varuint(block, 64);
        header.cpu = number();
      }
      ++header.sequence;
      if (bits & 4) header.thread = read_varuint(block, 64);
      if (bits & 8) header.stack = number();
      header.time += static_cast<int64_t>(read_varuint(block, 64));
      if (bits & 16) header.labels = number();
      if (bits & 128) header.size = number();
      Bytes payload(block.take(header.size));
      demand(!block.failed(), "an event is cut");
      demand((first == 0 && last == 0) || (header.time >= first && header.time <= last),
             "an event lies outside its block's times");
      add_event(header, (bits & 64) != 0, payload);
    }
  }

  void add_event(const Header& header, bool is_sorted, Bytes& payload) {
    NettraceFile::Event event;
    const auto kind = kinds_.find(header.kind);
    demand(kind != kinds_.end(), "an event's metadata were not told before");
    event.kind = static_cast<uint32_t>(kind->second);
    const auto thread = threads_.find(header.thread);
    demand(thread != threads_.end() && threads_.count(header.capture) != 0,
           "an event's thread was not told before");
    event.thread = static_cast<uint32_t>(thread->second);
    check_sequence(header.capture, header.sequence - 1);
    sequences_[header.capture] = header.sequence;
    if (header.stack != 0) {
      const auto stack = stacks_.find(header.stack);
      demand(stack != stacks_.end(),
             "an event's stack was not told before");  // TraceEvent says nothing
      event.stack = stack->second;
    }
    if (header.labels != 0) {
      const auto labels = labels_.find(header.labels);
      demand(labels != labels_.end(), "an event's labels were not told before");
      event.labels = labels->second;
    }
    demand(static_cast<uint64_t>(header.time) >= window_,
           "an event is older than the sequence point before it");
    demand(header.time >= sorted_until_, "an event is older than a sorted one before it");
    if (is_sorted) sorted_until_ = header.time;
    newest_ = std::max(newest_, header.time);
    event.cpu = header.cpu;
    event.time = header.time;
    event.is_sorted = is_sorted;
    read_payload(file_.kinds[event.kind], payload, event);
    file_.events.push_back(std::move(event));
  }

  void read_payload(const NettraceFile::Kind& kind, Bytes& payload, NettraceFile::Event& event) {
    for (const NettraceFile::Field& field : kind.fields) {
      event.values[field.name] = read_value(field.type, payload);
      demand(!payload.failed(), "a payload is shorter than its fields");
    }
    if (payload.remaining() != 0)
      ++file_.deviations["undeclared bytes in the payload of " + kind.name];
  }

  NettraceFile::Value read_value(const std::vector<uint8_t>& type, Bytes& payload) {
    NettraceFile::Value value;
    if (type[0] == kVarUInt) {
      value.number = read_varuint(payload, 64);
      value.real = static_cast<double>(value.number);
    } else if (type[0] == kVarInt) {
      value.real = static_cast<double>(read_varint(payload));
    } else if (type[0] == 14) {
      value.real = payload.read<double>();
    } else if ((type[0] == kArray && type[1] == kUtf8) || type[0] == kUtf8) {
      if (type[0] == kUtf8) ++file_.deviations["a text that is declared as one code unit"];
      value.text = checked(payload.text(payload.read<uint16_t>()));
    } else {
      throw Wrong{"a type that we do not write"};
    }
    return value;
  }

  Bytes bytes_;
  NettraceFile file_;
  std::unordered_map<uint32_t, size_t> kinds_;
  std::unordered_map<uint64_t, size_t> threads_;
  std::unordered_map<uint64_t, uint32_t> sequences_;  ///< by thread: of its last event
  std::unordered_map<uint32_t, std::vector<uint64_t>> stacks_;
  std::unordered_map<uint32_t, std::vector<NettraceFile::Label>> labels_;
  uint64_t window_ = 0;  ///< the latest sequence point
  int64_t sorted_until_ = INT64_MIN, newest_ = INT64_MIN;
};

}  // namespace

base::Result<NettraceFile> read_nettrace(std::span<const uint8_t> bytes) {
  Reader reader(bytes);
  try {
    return reader.read();
  } catch (const Wrong& wrong) {
    return base::make_error(base::Code::kInvalid,
                            "before offset " + std::to_string(reader.offset()) + ": " + wrong.what);
  }
}

}  // namespace oc::test
