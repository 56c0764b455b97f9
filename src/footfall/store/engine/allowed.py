"""What statements to the embedded engine may name: settings, formats, table engines. Nothing else is taken.

The engine has some 1,500 settings. Some hold SQL that runs with a statement (additional_result_filter), paths of files
(format_template_row), addresses (format_avro_schema_registry_url), or change how quotes are read (dialect). So these
lists name what is taken, one by one; a setting belongs here when its value is a number, or one word of a closed set.
"""

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Bounds of a statement.
_BOUNDS: Final = _words(
    """
    limit max_ast_depth max_ast_elements max_block_size max_bytes_before_external_distinct
    max_bytes_before_external_group_by max_bytes_before_external_join max_bytes_before_external_sort
    max_bytes_before_remerge_sort max_bytes_in_distinct max_bytes_in_join max_bytes_in_set
    max_bytes_ratio_before_external_distinct max_bytes_ratio_before_external_group_by
    max_bytes_ratio_before_external_join max_bytes_ratio_before_external_sort max_bytes_to_read max_bytes_to_sort
    max_columns_to_read max_compress_block_size max_estimated_execution_time max_execution_speed
    max_execution_speed_bytes max_execution_time max_expanded_ast_elements max_final_threads max_insert_block_size
    max_insert_block_size_bytes max_insert_block_size_rows max_insert_threads max_joined_block_size_bytes
    max_joined_block_size_rows max_memory_usage max_memory_usage_for_user max_parser_backtracks max_parser_depth
    max_parsing_threads max_partition_size_to_drop max_partitions_per_insert_block max_partitions_to_read
    max_query_size max_read_buffer_size max_recursive_cte_evaluation_depth max_result_bytes max_result_rows
    max_rows_in_distinct max_rows_in_join max_rows_in_set max_rows_to_group_by max_rows_to_read max_rows_to_sort
    max_streams_for_merge_tree_reading max_streams_to_max_threads_ratio max_subquery_depth max_table_size_to_drop
    max_temporary_columns max_temporary_data_on_disk_size_for_query max_temporary_data_on_disk_size_for_user
    max_temporary_non_const_columns max_threads max_untracked_memory min_compress_block_size min_execution_speed
    min_execution_speed_bytes min_insert_block_size_bytes min_insert_block_size_rows offset priority readonly
    timeout_before_checking_execution_speed distinct_overflow_mode group_by_overflow_mode join_overflow_mode
    read_overflow_mode result_overflow_mode set_overflow_mode sort_overflow_mode timeout_overflow_mode
    """
)
# How a statement is worked on.
_WORK: Final = _words(
    """
    aggregate_functions_null_for_empty allow_drop_detached allow_experimental_analyzer
    allow_nondeterministic_mutations allow_suspicious_low_cardinality_types alter_sync
    any_join_distinct_right_table_keys apply_deleted_mask apply_mutations_on_fly async_insert cast_keep_nullable
    check_query_single_value_result compile_aggregate_expressions compile_expressions connect_timeout
    count_distinct_implementation data_type_default_nullable deduplicate_blocks_in_dependent_materialized_views
    distributed_foreground_insert distributed_ddl_task_timeout do_not_merge_across_partitions_select_final
    empty_result_for_aggregation_by_empty_set enable_analyzer enable_lightweight_delete
    enable_optimize_predicate_expression enable_unaligned_array_join exact_rows_before_limit extremes final
    flatten_nested force_index_by_date force_primary_key group_by_use_nulls insert_deduplicate insert_null_as_default
    join_algorithm join_any_take_last_row join_default_strictness join_use_nulls lightweight_deletes_sync
    load_balancing local_filesystem_read_method log_comment log_queries min_bytes_to_use_direct_io mutations_sync
    optimize_aggregation_in_order optimize_move_to_prewhere optimize_on_insert optimize_read_in_order
    optimize_skip_unused_shards optimize_throw_if_noop optimize_trivial_count_query optimize_use_projections
    prefer_column_name_to_alias query_plan_enable_optimizations read_in_order_use_buffering
    short_circuit_function_evaluation receive_timeout send_timeout session_timezone totals_mode transform_null_in
    union_default_mode use_skip_indexes use_skip_indexes_if_final use_query_cache use_uncompressed_cache
    validate_polygons
    """
)
# How values are read and written.
_VALUES: Final = _words(
    """
    cast_ipv4_ipv6_default_on_conversion_error cast_string_to_dynamic_use_inference
    cast_string_to_variant_use_inference date_time_input_format date_time_output_format enable_json_type
    format_csv_allow_double_quotes format_csv_allow_single_quotes format_csv_delimiter format_csv_null_representation
    format_custom_escaping_rule format_custom_field_delimiter format_custom_row_after_delimiter
    format_tsv_null_representation input_format_allow_errors_num input_format_allow_errors_ratio
    input_format_csv_skip_first_lines input_format_defaults_for_omitted_fields input_format_import_nested_json
    input_format_json_read_bools_as_numbers input_format_max_rows_to_read_for_schema_inference
    input_format_null_as_default input_format_parallel_parsing input_format_skip_unknown_fields
    input_format_try_infer_dates input_format_try_infer_datetimes input_format_tsv_skip_first_lines
    input_format_with_names_use_header input_format_with_types_use_header low_cardinality_allow_in_native_format
    output_format_arrow_compression_method output_format_arrow_low_cardinality_as_dictionary
    output_format_arrow_string_as_string output_format_csv_crlf_end_of_line output_format_decimal_trailing_zeros
    output_format_json_array_of_rows output_format_json_escape_forward_slashes
    output_format_json_named_tuples_as_objects output_format_json_quote_64bit_floats
    output_format_json_quote_64bit_integers output_format_json_quote_decimals output_format_json_quote_denormals
    output_format_json_validate_utf8 output_format_native_encode_types_in_binary_format
    output_format_native_write_json_as_string output_format_parallel_formatting
    output_format_parquet_compression_method output_format_parquet_row_group_size
    output_format_parquet_string_as_string output_format_pretty_color output_format_pretty_max_column_pad_width
    output_format_pretty_max_rows output_format_pretty_max_value_width output_format_pretty_row_numbers
    output_format_tsv_crlf_end_of_line output_format_write_statistics show_table_uuid_in_table_create_query_if_not_nil
    """
)
# How a table's parts are written and merged. None names a disk or a place.
_TABLES: Final = _words(
    """
    allow_nullable_key concurrent_part_removal_threshold deduplicate_merge_projection_mode enable_block_number_column
    enable_block_offset_column enable_mixed_granularity_parts enable_vertical_merge_algorithm fsync_after_insert
    fsync_part_directory
    index_granularity index_granularity_bytes lightweight_mutation_projection_mode
    max_bytes_to_merge_at_max_space_in_pool max_parts_in_total max_parts_to_merge_at_once max_suspicious_broken_parts
    max_suspicious_broken_parts_bytes merge_max_block_size merge_max_block_size_bytes merge_selector_algorithm
    merge_selector_base merge_with_ttl_timeout min_age_to_force_merge_on_partition_only min_age_to_force_merge_seconds
    min_bytes_for_full_part_storage min_bytes_for_wide_part min_compressed_bytes_to_fsync_after_merge
    min_index_granularity_bytes min_parts_to_merge_at_once min_rows_for_full_part_storage min_rows_for_wide_part
    min_rows_to_fsync_after_merge non_replicated_deduplication_window number_of_mutations_to_delay
    number_of_mutations_to_throw old_parts_lifetime parts_to_delay_insert parts_to_throw_insert
    ratio_of_defaults_for_sparse_serialization replicated_deduplication_window string_serialization_version
    ttl_only_drop_parts
    """
)
SETTINGS: Final = _BOUNDS | _WORK | _VALUES | _TABLES

_TEXT: Final = _words(
    """
    csv csvwithnames csvwithnamesandtypes tabseparated tabseparatedraw tabseparatedrawwithnames
    tabseparatedrawwithnamesandtypes tabseparatedwithnames tabseparatedwithnamesandtypes tsv tsvraw tsvrawwithnames
    tsvrawwithnamesandtypes tsvwithnames tsvwithnamesandtypes tskv lineasstring raw rawblob json jsonasobject
    jsonasstring jsoncolumns jsoncolumnswithmetadata jsoncompact jsoncompactcolumns jsoncompacteachrow
    jsoncompacteachrowwithnames jsoncompacteachrowwithnamesandtypes jsoncompactstrings jsoncompactstringseachrow
    jsoncompactstringseachrowwithnames jsoncompactstringseachrowwithnamesandtypes jsoneachrow jsonl jsonlines
    jsonobjecteachrow jsonstrings jsonstringseachrow ndjson
    """
)
_BINARY: Final = _words(
    """
    arrow arrowstream avro bsoneachrow msgpack native npy null orc parquet rowbinary rowbinarywithdefaults
    rowbinarywithnames rowbinarywithnamesandtypes
    """
)
# Formats of an INSERT's data, in small letters: none that reads a schema, a template or an address, or whose data are
# expressions (Values).
INPUTS: Final = _TEXT | _BINARY
# Formats of a result; beside those, the ones for people.
OUTPUTS: Final = INPUTS | _words(
    """
    customseparated customseparatedwithnames customseparatedwithnamesandtypes jsoncompacteachrowwithprogress
    jsoncompactstringseachrowwithprogress jsoneachrowwithprogress jsonstringseachrowwithprogress markdown md pretty
    prettycompact prettycompactmonoblock prettycompactnoescapes prettycompactnoescapesmonoblock prettyjsoneachrow
    prettyjsonlines prettymonoblock prettyndjson prettynoescapes prettynoescapesmonoblock prettyspace
    prettyspacemonoblock prettyspacenoescapes prettyspacenoescapesmonoblock sqlinsert values vertical xml
    """
)

_TREES: Final = ("", "aggregating", "coalescing", "collapsing", "replacing", "summing", "versionedcollapsing")
# Engines of tables and databases, in small letters.
ENGINES: Final = frozenset(f"{kind}mergetree" for kind in _TREES) | {"atomic", "memory", "null"}
# Table functions that compute their rows. Not those that take a string with the structure of their rows: it may hold
# expressions (`a String DEFAULT file('..')`), and format() takes the format whose data are expressions.
COMPUTING: Final = frozenset(
    {"generate_series", "generateseries", "numbers", "numbers_mt", "primes", "view", "zeros", "zeros_mt"}
)
# Those whose names something else has too, and which are looked at by themselves: a function, a keyword, and what
# stands for an INSERT's data.
LOOKED_AT: Final = frozenset({"format", "input", "values"})
# Functions that read files, other tables by the names in their strings, the server's configuration, or other machines.
REACHING: Final = _words(
    """
    addresstoline addresstolinewithinlines addresstosymbol catboostevaluate evalmlmethod file filesystemavailable
    filesystemcapacity filesystemunreserved generateserialid getmacro hascolumnintable joinget joingetornull logtrace
    naivebayesclassifier naivebayesclassifierwithallprobs naivebayesclassifierwithprob showcertificate
    """
)
# What the names of others of that kind begin with: dictionaries, the regions of their files, models, internals.
REACHING_FAMILIES: Final = (
    *("dictget", "dicthas", "dictisin", "regionhierarchy", "regionin", "regionto", "__"),
    *("aiclassify", "aiembed", "aiextract", "aifilter", "aigenerate", "airedact", "aisimilarity", "aitranslate"),
)
