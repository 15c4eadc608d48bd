// What tests/bench/profile.py records: templates of the standard library, inlined into each other.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <numeric>
#include <regex>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>
struct Row {
  std::string name;
  std::vector<double> values;
};
template <typename Fn>
static double fold(const std::vector<Row>& rows, Fn fn) {
  return std::accumulate(rows.begin(), rows.end(), 0.0, [&](double s, const Row& r) {
    return s + std::accumulate(r.values.begin(), r.values.end(), 0.0, fn);
  });
}
static std::vector<Row> make(unsigned n) {
  std::vector<Row> rows;
  for (unsigned i = 0; i < n; ++i) {
    Row r{"row " + std::to_string(i * 2654435761u % 1000), {}};
    for (unsigned k = 0; k < 20; ++k) r.values.push_back((i * 31 + k * 17) % 101);
    rows.push_back(std::move(r));
  }
  return rows;
}
int main(int argc, char** argv) {
  double all = 0;
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100;
  for (int round = 0; round < rounds; ++round) {
    auto rows = make(300);
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      return a.name < b.name || (a.name == b.name && a.values < b.values);
    });
    std::map<std::string, double> sums;
    std::unordered_map<std::string, std::function<double(double)>> by_name;
    for (const auto& r : rows) {
      sums[r.name] += r.values[3];
      by_name[r.name] = [&](double x) { return x + r.values[1]; };
    }
    for (auto& [name, fn] : by_name) all += fn(sums[name]);
    all += fold(rows, [](double a, double b) { return a + b * b; });
    std::regex re("ro(w|x) ([0-9]+)7");
    for (int i = 0; i < 30; ++i) all += std::regex_match(rows[i].name, re);
    std::ostringstream out;
    for (const auto& [k, v] : sums) out << k << '=' << v << '\n';
    all += out.str().size();
  }
  std::printf("%f\n", all);
}
