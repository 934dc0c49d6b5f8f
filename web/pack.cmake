# SPDX-License-Identifier: Apache-2.0
# Turns the bundled page into what the binary embeds: names with a content hash, index.html pointing to them, gzip of
# each, one assembler file that includes the bytes, and the table of them as a header. Run by cmake/web.cmake with
#   -DSOURCE=web -DBUNDLE=<bundled js and css> -DOUT=<folder> -DGZIP=<program>
cmake_minimum_required(VERSION 3.25)
file(MAKE_DIRECTORY ${OUT})

set(js_type "text/javascript; charset=utf-8")
set(css_type "text/css; charset=utf-8")
set(svg_type "image/svg+xml")

set(asm "/* Made by web/pack.cmake. */\n    .section .rodata\n")
set(externs "")
set(table "")
set(count 0)

# Compresses file, and adds it to the assembler file and the table.
function(embed file path type immutable)
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  set(name asset_${count}.gz)
  # -n: no name and no time inside, so that the same page gives the same bytes.
  execute_process(COMMAND ${GZIP} -9nc ${file} OUTPUT_FILE ${OUT}/${name} COMMAND_ERROR_IS_FATAL ANY)
  file(SIZE ${OUT}/${name} packed)
  file(SIZE ${file} size)
  set(symbol tl_web_asset_${count})
  string(APPEND asm "    .balign 16\n    .global ${symbol}\n    .hidden ${symbol}\n${symbol}:\n    .incbin \"${OUT}/${name}\"\n")
  string(APPEND externs "extern const unsigned char ${symbol}[]; /* ${path} */\n")
  string(APPEND table "    { \"${path}\", \"${type}\", \"\\\"${hash}\\\"\", ${symbol}, ${packed}, ${size}, ${immutable} },\n")
  math(EXPR next "${count} + 1")
  set(asm "${asm}" PARENT_SCOPE)
  set(externs "${externs}" PARENT_SCOPE)
  set(table "${table}" PARENT_SCOPE)
  set(count ${next} PARENT_SCOPE)
endfunction()

# The bundler has put a hash into the names of scripts already, since they name each other; to the others it is added here.
file(READ ${SOURCE}/index.html page)
file(GLOB scripts ${BUNDLE}/*.js)
foreach(file ${scripts})
  get_filename_component(name ${file} NAME)
  embed(${file} /assets/${name} "${js_type}" true)
  string(REGEX REPLACE "-[A-Z0-9]+\\.js$" ".js" asset ${name})
  string(REPLACE "@${asset}@" "/assets/${name}" page "${page}")
endforeach()
foreach(file ${BUNDLE}/main.css ${SOURCE}/mark.svg)
  get_filename_component(asset ${file} NAME)
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  string(REGEX REPLACE "\\.([a-z]+)$" ".${hash}.\\1" hashed ${asset})
  string(REGEX MATCH "[a-z]+$" extension ${asset})
  string(REPLACE "@${asset}@" "/assets/${hashed}" page "${page}")
  embed(${file} /assets/${hashed} "${${extension}_type}" true)
endforeach()
embed(${SOURCE}/openapi.json /api/openapi.json "application/json" false)
if(page MATCHES "@[a-z]+\\.[a-z]+@")
  message(FATAL_ERROR "web/index.html names ${CMAKE_MATCH_0}, which is not packed")
endif()
file(WRITE ${OUT}/index.html "${page}")
embed(${OUT}/index.html / "text/html; charset=utf-8" false)

string(APPEND asm "    .section .note.GNU-stack,\"\",%progbits\n")
file(WRITE ${OUT}/web_assets.S "${asm}")
file(WRITE ${OUT}/web_assets_table.h "/* Made by web/pack.cmake. */\n#pragma once\n\n${externs}
/* path, content type, ETag, gzip bytes, their size, size unpacked, immutable */
#define WEB_ASSETS_TABLE \\\n")
string(REPLACE "\n" " \\\n" table "${table}")
file(APPEND ${OUT}/web_assets_table.h "${table}\n")
