// As poolwright's own main: the process is prepared before any thread is.
#include <gtest/gtest.h>

#include "kube/cpprest_transport.h"

int main(int argc, char** argv) {
  poolwright::kube::prepare_process();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
