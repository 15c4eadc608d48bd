#include "session/task_selection.h"

#include <catch2/catch.hpp>

using namespace oc;
using session::TaskSelection;

TEST_CASE("nothing asked for admits everybody, and is known to") {
  TaskSelection all;
  CHECK(!all.selects());
}

TEST_CASE("processes are followed into what they start, and numbers that are used again are not") {
  base::Interner names;
  process::ProcessModel processes(names);
  TaskSelection tasks({10}, {}, {});
  CHECK(tasks.admits(10, 12, processes, names));
  CHECK(!tasks.admits(11, 11, processes, names));
  tasks.fork(11, 11, 10);
  CHECK(tasks.admits(11, 13, processes, names));
  tasks.fork(11, 11, 99);
  CHECK(!tasks.admits(11, 11, processes, names));
}

TEST_CASE("of a recorded trace a chosen process may begin in it") {
  base::Interner names;
  process::ProcessModel processes(names);
  TaskSelection tasks({10}, {}, {});
  tasks.choose_recorded();
  tasks.fork(10, 10, 99);
  CHECK(tasks.admits(10, 10, processes, names));
  tasks.fork(11, 11, 10);
  CHECK(tasks.admits(11, 11, processes, names));
  tasks.fork(11, 11, 99);
  CHECK(!tasks.admits(11, 11, processes, names));
}

TEST_CASE("names are those of the moment, of the thread or of its process") {
  base::Interner names;
  process::ProcessModel processes(names);
  TaskSelection tasks({}, {}, {"ngi*", "dd"});
  processes.comm(5, 5, "bash");
  CHECK(!tasks.admits(5, 5, processes, names));
  processes.comm(5, 5, "dd");
  CHECK(tasks.admits(5, 5, processes, names));
  processes.comm(6, 6, "nginx");
  processes.comm(6, 7, "worker");
  CHECK(tasks.admits(6, 7, processes, names));
  CHECK(tasks.admits(6, -1, processes, names));  // a thread that was reaped: its process is known
  processes.comm(8, 8, "ddx");
  CHECK(!tasks.admits(8, 8, processes, names));
  CHECK(!tasks.admits(-1, -1, processes, names));
}

TEST_CASE("processes and names both hold where both are given") {
  base::Interner names;
  process::ProcessModel processes(names);
  TaskSelection tasks({5}, {9}, {"dd"});
  processes.comm(5, 5, "dd");
  processes.comm(6, 6, "dd");
  processes.comm(8, 9, "dd");
  CHECK(tasks.admits(5, 5, processes, names));
  CHECK(!tasks.admits(6, 6, processes, names));
  CHECK(tasks.admits(8, 9, processes, names));
}

TEST_CASE("a command is in from its exec on, with what it starts") {
  base::Interner names;
  process::ProcessModel processes(names);
  TaskSelection tasks;
  tasks.await_exec(10);
  CHECK(tasks.selects());
  CHECK(!tasks.admits(10, 10, processes, names));
  tasks.exec(11);
  CHECK(!tasks.admits(11, 11, processes, names));
  tasks.exec(10);
  CHECK(tasks.admits(10, 10, processes, names));
  tasks.fork(12, 12, 10);
  CHECK(tasks.admits(12, 12, processes, names));
  CHECK(!tasks.admits(11, 11, processes, names));
}
