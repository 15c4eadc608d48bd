#include "perf/maps_line.h"

#include <sys/mman.h>

namespace oc::perf {

bool parse_maps_line(std::string_view line, MapsLine& out) {
  if (!take_number(line, out.start, 16, '-') || !take_number(line, out.end, 16, ' ')) return false;
  if (line.size() < 5 || line[4] != ' ') return false;
  out.prot = (line[0] == 'r' ? PROT_READ : 0) | (line[1] == 'w' ? PROT_WRITE : 0) |
             (line[2] == 'x' ? PROT_EXEC : 0);
  out.flags = line[3] == 's' ? MAP_SHARED : MAP_PRIVATE;
  line.remove_prefix(5);
  if (!take_number(line, out.offset, 16, ' ') || !take_number(line, out.major, 16, ':') ||
      !take_number(line, out.minor, 16, ' '))
    return false;
  if (!take_number(line, out.inode, 10, ' ')) {  // nothing follows where there is no path
    out.path = {};
    return std::from_chars(line.data(), line.data() + line.size(), out.inode).ec == std::errc();
  }
  while (line.starts_with(' ')) line.remove_prefix(1);
  out.path = line;
  return true;
}

}  // namespace oc::perf
