# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
#
# unit_word(VARIABLE FILE): what of a unit file no reload can give to a process that runs, as one word.
# The unit hands it to the process, and packages compare the two (update-service).

# These apply to the next reload, restart or stop, whoever has started the process.
set(UNIT_KEYS_FOR_LATER "ExecReload|Restart|RestartSec|RestartPreventExitStatus|TimeoutStopSec")

function(unit_word variable file)
  file(READ ${file} text)
  string(REGEX REPLACE "\n#[^\n]*" "" text "\n${text}")
  string(REGEX REPLACE "^.*\n\\[Service\\]|\n\\[Install\\].*$" "" text "${text}")
  string(REGEX REPLACE "\n(${UNIT_KEYS_FOR_LATER})=[^\n]*" "" text "${text}")
  string(REGEX REPLACE "\n+" "\n" text "${text}")
  string(SHA256 word "${text}")
  string(SUBSTRING ${word} 0 16 word)
  set(${variable} ${word} PARENT_SCOPE)
endfunction()
