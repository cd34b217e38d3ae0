DROP TABLE sales_counted;
DROP TABLE sales_figures;
