# SPDX-License-Identifier: Apache-2.0
# The page: bundled by esbuild, hashed, compressed and embedded into tl_web. Nothing is fetched here (scripts/setup does).
find_program(ESBUILD esbuild REQUIRED)
find_program(GZIP gzip REQUIRED)
set(web_dir ${CMAKE_SOURCE_DIR}/web)
set(web_out ${CMAKE_BINARY_DIR}/web)
file(GLOB web_sources CONFIGURE_DEPENDS ${web_dir}/src/*.js ${web_dir}/styles/*.css)

add_custom_command(
  OUTPUT ${web_out}/web_assets.S ${web_out}/web_assets_table.h
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${web_out}/bundle
  # A view that is not the first is a file of its own, fetched when it is shown.
  COMMAND ${ESBUILD} src/main.js --bundle --splitting --minify --format=esm --target=es2022 --legal-comments=eof
          --entry-names=[name]-[hash] --chunk-names=[name]-[hash] --log-level=warning --outdir=${web_out}/bundle
  COMMAND ${ESBUILD} src/theme.js --minify --entry-names=[name]-[hash] --log-level=warning --outdir=${web_out}/bundle
  COMMAND ${ESBUILD} styles/main.css --bundle --minify --log-level=warning --outfile=${web_out}/bundle/main.css
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${web_dir} -DBUNDLE=${web_out}/bundle -DOUT=${web_out} -DGZIP=${GZIP}
          -P ${web_dir}/pack.cmake
  DEPENDS ${web_sources} ${web_dir}/index.html ${web_dir}/openapi.json ${web_dir}/mark.svg ${web_dir}/pack.cmake ${web_dir}/package-lock.json
  WORKING_DIRECTORY ${web_dir}
  COMMENT "Packing the page"
  VERBATIM)
target_sources(tl_web PRIVATE ${web_out}/web_assets.S ${web_out}/web_assets_table.h)
target_include_directories(tl_web PRIVATE ${web_out})
